"""Quantities in few characters, for axes and tables."""

_TIME_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_BYTE_UNITS = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))


def seconds_text(seconds: float) -> str:
    """A time with its unit, such as "20 ms"."""
    return _with_unit(seconds, _TIME_UNITS)


def bytes_text(size_bytes: float) -> str:
    """An amount of memory with its unit, such as "64 MiB"."""
    return _with_unit(size_bytes, _BYTE_UNITS)


def size_text(size: float) -> str:
    """A size in few characters: 1,000 as 1k, 1,500,000 as 1.5M, but 65,536 as it is."""
    for factor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        short = f"{size / factor:.3g}"
        if size >= factor and (float(short) * factor == size or size >= 1e6):
            return f"{short}{letter}"
    return f"{size:,.0f}"


def relative_text(ratio: float) -> str:
    """How far from 1, such as "+5 %"."""
    percent = 100 * (ratio - 1)
    return "0" if abs(percent) < 1e-6 else f"{percent:+.3g} %"


def rate_text(per_second: float) -> str:
    """A rate, such as "450/s" or "0.25/s"."""
    digits = f"{per_second:,.0f}" if per_second >= 100 else f"{per_second:.3g}"
    return f"{digits}/s"


def share_text(share: float) -> str:
    """A share in percent: "0 %", "0.013 %", "<0.001 %", never "0 %" of what is more than none."""
    percent = 100 * share
    if 0 < percent < 0.001:
        return "<0.001 %"
    return f"{percent:.3g} %" if percent < 99.95 or share == 1 else f"{percent:.5g} %"


def _with_unit(value: float, units: tuple[tuple[float, str], ...]) -> str:
    # 0.9999 of a unit is a rounding of that unit.
    factor, name = next(
        ((factor, name) for factor, name in units if abs(value) >= 0.9999 * factor), units[-1]
    )
    amount = value / factor
    # Three digits, but 1234 s and not 1.23e+03 s.
    return f"{amount:,.0f} {name}" if abs(amount) >= 999.5 else f"{amount:.3g} {name}"
