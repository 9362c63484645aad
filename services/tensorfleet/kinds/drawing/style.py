"""Colours, marks and units of all pictures."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from tensorfleet.kinds.drawing.quantities import bytes_text, seconds_text, size_text

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
