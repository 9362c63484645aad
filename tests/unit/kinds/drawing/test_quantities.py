"""Quantities in few characters."""

import pytest

from tensorfleet.kinds.drawing.quantities import (
    bytes_text,
    rate_text,
    relative_text,
    seconds_text,
    share_text,
    size_text,
)


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (seconds_text(0.02), "20 ms"),
        (seconds_text(1.5e-7), "150 ns"),
        (seconds_text(0.99995), "1 s"),
        (seconds_text(86_400), "86,400 s"),
        (bytes_text(64 * 2**20), "64 MiB"),
        (bytes_text(1000), "1,000 B"),
        (size_text(1000), "1k"),
        (size_text(65_536), "65,536"),
        (relative_text(1.05), "+5 %"),
        (rate_text(0.25), "0.25/s"),
        (rate_text(99.8), "99.8/s"),
        (rate_text(12_345.6), "12,346/s"),
        (share_text(0.0), "0 %"),
        (share_text(1e-7), "<0.001 %"),
        (share_text(0.00013), "0.013 %"),
        (share_text(0.9999), "99.99 %"),
        (share_text(1.0), "100 %"),
    ],
)
def test_quantities_are_short_and_not_rounded_to_something_else(shown: str, text: str) -> None:
    assert shown == text
