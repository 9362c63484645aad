"""Sizes as people write them: "10k", "2^20", "1k..64k"."""

import re
from decimal import Decimal, InvalidOperation

from tensorfleet.kinds.profile.algorithms.algorithm_rules import LARGEST_SIZE, MAX_SIZES
from tensorfleet.shared.errors import FieldError, InvalidInput

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "b": 10**9, "t": 10**12}
_BINARY_UNITS = {"ki": 2**10, "mi": 2**20, "gi": 2**30}
_PATTERN = re.compile(
    r"(?P<number>[0-9]+(_[0-9]+)*(\.[0-9]+)?(e\+?[0-9]{1,2})?)(?P<unit>[a-z]*)", re.IGNORECASE
)
_POWER_PATTERN = re.compile(r"(?P<base>[0-9]{1,12})(\^|\*\*)(?P<exponent>[0-9]{1,2})")
_RANGE = ".."


def parse_size(text: str) -> int:
    """One size: "1024", "10k" (10,000), "1.5M", "64Ki" (65,536), "2^10" or "1e6".

    Raises:
        InvalidInput: It is not a size from 1 to 10¹².
    """
    cleaned = text.strip()
    power = _POWER_PATTERN.fullmatch(cleaned)
    if power:
        size = Decimal(int(power["base"]) ** int(power["exponent"]))
    else:
        size = _scaled(cleaned, text)
    if size != size.to_integral_value():
        raise _wrong(text, "is not a whole number")
    if size < 1:
        raise _wrong(text, "is too small: sizes begin at 1")
    if size > LARGEST_SIZE:
        raise _wrong(text, f"is too large: sizes end at {LARGEST_SIZE:,}")
    return int(size)


def parse_sizes(text: str) -> tuple[int, ...]:
    """Sizes between commas, ascending and each once; "1k..64k" doubles from one to the other.

    Raises:
        InvalidInput: One of them is wrong, or there are too many.
    """
    sizes: set[int] = set()
    for part in text.split(","):
        first, is_range, last = part.partition(_RANGE)
        sizes.update(_doubled(first, last, part) if is_range else {parse_size(part)})
    if len(sizes) > MAX_SIZES:
        raise _wrong(text, f"has {len(sizes):,} sizes, at most {MAX_SIZES}")
    return tuple(sorted(sizes))


def _scaled(cleaned: str, text: str) -> Decimal:
    found = _PATTERN.fullmatch(cleaned)
    factor = None
    if found:
        unit = found["unit"].lower()
        factor = {**_UNITS, **_BINARY_UNITS}.get(unit)
    if found is None or factor is None:
        raise _wrong(text, 'is not a size: write "1024", "10k", "1.5M", "64Ki", "2^10" or "1e6"')
    try:
        return Decimal(found["number"].replace("_", "")) * factor
    except InvalidOperation as exc:
        raise _wrong(text, "has too many digits") from exc


def _doubled(first: str, last: str, text: str) -> list[int]:
    """From the first by doubling, and the last itself."""
    size, end = parse_size(first), parse_size(last)
    if size > end:
        raise _wrong(text, "begins after its end: write the smaller size first")
    sizes = []
    while size < end:
        sizes.append(size)
        size *= 2
    return [*sizes, end]


def _wrong(text: str, message: str) -> InvalidInput:
    message = f"{text.strip()[:80]!r} {message}"
    return InvalidInput(message, (FieldError(field="sizes", message=message),))
