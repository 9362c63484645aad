"""Sizes as people write them."""

import pytest

from tensorfleet.kinds.profile.size import parse_size, parse_sizes
from tensorfleet.shared.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("1024", 1024),
        ("10k", 10_000),
        ("10K", 10_000),
        ("1.5k", 1_500),
        ("1M", 1_000_000),
        ("2G", 2_000_000_000),
        ("2B", 2_000_000_000),
        ("1T", 10**12),
        ("64Ki", 65_536),
        ("1Mi", 2**20),
        ("2^10", 1024),
        ("2**10", 1024),
        ("10^12", 10**12),
        ("1e6", 1_000_000),
        ("1E6", 1_000_000),
        ("2.5e3", 2_500),
        ("1_000", 1_000),
        (" 5 ", 5),
    ],
)
def test_a_size_is_understood(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a size"),
        ("ten", "is not a size"),
        ("k", "is not a size"),
        ("10kb", "is not a size"),
        ("1 k", "is not a size"),
        ("0x10", "is not a size"),
        ("٣", "is not a size"),
        ("nan", "is not a size"),
        ("inf", "is not a size"),
        ("-5", "is not a size"),
        ("1e-3", "is not a size"),
        ("1e999999999", "is not a size"),
        ("2^999999999", "is not a size"),
        ("0", "is too small"),
        ("0k", "is too small"),
        ("0^5", "is too small"),
        ("1.5", "is not a whole number"),
        ("0.0001k", "is not a whole number"),
        ("2^99", "is too large"),
        ("1001G", "is too large"),
        ("1e99", "is too large"),
        ("9" * 5000, "is too large"),
    ],
)
def test_what_is_no_size_says_why(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as raised:
        parse_size(text)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("1k", (1_000,)),
        ("100k,1k, 10k", (1_000, 10_000, 100_000)),
        ("1k,1000", (1_000,)),
        ("1k..8k", (1_000, 2_000, 4_000, 8_000)),
        ("1k..10k", (1_000, 2_000, 4_000, 8_000, 10_000)),
        ("16 .. 64", (16, 32, 64)),
        ("5..5", (5,)),
        ("1..4,100", (1, 2, 4, 100)),
    ],
)
def test_lists_and_ranges_are_understood(text: str, sizes: tuple[int, ...]) -> None:
    assert parse_sizes(text) == sizes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a size"),
        ("1k,,2k", "is not a size"),
        ("8k..1k", "write the smaller size first"),
        ("1k..", "is not a size"),
        ("1..2..3", "is not a size"),
        (",".join(map(str, range(1, 67))), "has 66 sizes, at most 64"),
    ],
)
def test_wrong_lists_say_why(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse_sizes(text)
