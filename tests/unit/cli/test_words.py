"""Numbers and times in words."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from tensorfleet.cli.words import ago, between, duration, number, size, until

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0123, "12 ms"),
        (7.25, "7.2 s"),
        (185, "3:05"),
        (7385, "2:03:05"),
        (2 * 86400 + 3 * 3600, "2 d 3 h"),
    ],
)
def test_duration_is_short(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (12.0, "12"),
        (0.97541, "0.9754"),
        (1.25e-7, "1.25e-07"),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        (1e300, "1e+300"),
    ],
)
def test_number_is_short(value: float, words: str) -> None:
    assert number(value) == words


def test_size_has_a_unit() -> None:
    assert [size(n) for n in (0, 1023, 1536, 5 * 1024**3)] == [
        "0 B",
        "1023 B",
        "1.5 KiB",
        "5.0 GiB",
    ]


def test_times_are_relative_and_absent_ones_empty() -> None:
    assert ago(NOW - timedelta(minutes=5), NOW) == "5 min ago"
    assert ago(NOW + timedelta(seconds=3), NOW) == "0 s ago"
    assert ago(None) == between(None, NOW) == ""
    assert between(NOW - timedelta(seconds=90), None, NOW) == "1:30"


def test_times_to_come() -> None:
    assert until(None) == ""
    assert until(NOW - timedelta(minutes=5), NOW) == "now"
    assert until(NOW + timedelta(seconds=20), NOW) == "in 20 s"
    assert until(NOW + timedelta(seconds=170), NOW) == "in 3 min"
    assert until(NOW + timedelta(days=2), NOW) == "in 2 d"
