"""Colours, marks and units of all pictures."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

# Okabe and Ito's palette, which people with any kind of colour blindness can tell apart, without
# its yellow, which is too light on white. https://jfly.uni-koeln.de/color/
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#5f6368"
LIGHT_GREY = "#dadce0"

MOST_LINES = 12

# The type that matplotlib asks for lists every key that it knows.
STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.grid.which": "major",
    "axes.labelcolor": "#202124",
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "figure.dpi": 150,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "grid.color": LIGHT_GREY,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "path.simplify": False,
    "savefig.dpi": 150,
    "svg.fonttype": "path",
    # Identifiers in the file come from this instead of from chance.
    "svg.hashsalt": "tensorfleet",
    "xtick.color": GREY,
    "xtick.labelcolor": "#202124",
    "ytick.color": GREY,
    "ytick.labelcolor": "#202124",
}

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


def mark_sizes(axes: Axes, sizes: list[int]) -> None:
    """A logarithmic axis of sizes that names the measured ones, as far as there is room."""
    axes.set_xscale("log")
    low, high = min(sizes), max(sizes)
    pad = 1.12 if low == high else (high / max(low, 1)) ** 0.04
    axes.set_xlim(max(low, 1) / pad, high * pad)
    # Names must not touch: at most one in every tenth of the axis.
    room = np.log(high * pad / (max(low, 1) / pad)) / 10
    shown: list[int] = []
    for size in sorted(sizes, reverse=True):
        if size > 0 and (not shown or np.log(shown[-1] / size) >= room):
            shown.append(size)
    axes.set_xticks(sorted(shown))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: size_text(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()
    axes.set_xlabel("size")


def mark_seconds(axes: Axes) -> None:
    """A logarithmic axis of times."""
    axes.set_yscale("log")
    _few_decades(axes)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: seconds_text(value)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def mark_bytes(axes: Axes) -> None:
    """A logarithmic axis of memory, with ticks at powers of four."""
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_locator(LogLocator(base=4, numticks=10))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: bytes_text(value)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def colour_of(index: int) -> str:
    """Of the n-th algorithm."""
    return COLOURS[index % len(COLOURS)]


def mark_of(index: int) -> str:
    """Of the n-th algorithm; with the colour, unique for many."""
    return MARKS[(index + index // len(COLOURS)) % len(MARKS)]


def _few_decades(axes: Axes) -> None:
    low, high = axes.get_ylim()
    decades = np.log10(high / low)
    if decades < 1.2:
        axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0)))
    elif decades < 2.5:
        axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 2.0, 5.0)))
    else:
        axes.yaxis.set_major_locator(LogLocator(base=10, numticks=12))


def _with_unit(value: float, units: tuple[tuple[float, str], ...]) -> str:
    # 0.9999 of a unit is a rounding of that unit.
    factor, name = next(
        ((factor, name) for factor, name in units if abs(value) >= 0.9999 * factor), units[-1]
    )
    return f"{value / factor:.3g} {name}"
