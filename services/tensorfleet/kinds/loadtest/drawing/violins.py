"""How response times are distributed, side by side."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tensorfleet.kinds.drawing import style
from tensorfleet.kinds.drawing.quantities import seconds_text
from tensorfleet.kinds.loadtest.drawing import panels
from tensorfleet.kinds.loadtest.histogram import Histogram
from tensorfleet.kinds.loadtest.reporting.subject import Subject

_DARK = "#202124"
_STEPS = 220
# Of fewer answers each is shown, as nobody knows how they are distributed.
_FEWEST_FOR_SHAPE = 20
# Of the decimal logarithm: narrower than a histogram's buckets would show the buckets.
_NARROWEST = 0.002

Floats = npt.NDArray[np.float64]


def draw(subjects: Sequence[Subject]) -> Figure:
    """A violin for each point: its width is the density over the logarithm of the time."""
    shown = [
        (name, Histogram.decode(point.response), index)
        for index, subject in enumerate(subjects)
        for name, point in panels.named_points([subject])
    ]
    shown = [entry for entry in shown if entry[1].total]
    if not shown:
        raise panels.nothing("no point has an answer yet")
    left_out = len(shown) - style.MOST_LINES
    shown = shown[: style.MOST_LINES]
    figure, (axes,) = panels.figure_of("Response times, distribution", 4.2)
    panels.say_left_out(figure, left_out)
    for place, (_, histogram, index) in enumerate(shown):
        colour = style.colour_of(index if len(subjects) > 1 else place)
        _draw_violin(axes, place, histogram, colour)
    lowest = min(histogram.minimum or 0.0 for _, histogram, _ in shown)
    highest = max(histogram.maximum or 0.0 for _, histogram, _ in shown)
    axes.set_ylim(max(lowest, 1e-7) / 1.2, max(highest, 2e-7) * 1.25)
    style.mark_seconds(axes)
    labels = [
        f"{panels.short(name)}\n{seconds_text(histogram.percentile(50.0) or 0.0)}"
        for name, histogram, _ in shown
    ]
    is_crowded = len(shown) > 6 or max(len(name) for name, _, _ in shown) > 90 // len(shown)
    axes.set_xticks(
        range(len(shown)),
        labels,
        rotation=30 if is_crowded else 0,
        ha="right" if is_crowded else "center",
    )
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.6, len(shown) - 0.4)
    axes.grid(visible=False, axis="x")
    axes.set_xlabel(
        "circle and figure: median · thick bar: 25 to 75 % · dash: p99 · dot: max",
        color=style.GREY,
        fontsize=8,
        labelpad=8,
    )
    return figure


def _draw_violin(axes: Axes, place: int, histogram: Histogram, colour: str) -> None:
    middles, counts = histogram.bars()
    logs = np.log10(np.maximum(middles, 1e-9))
    if histogram.total < _FEWEST_FOR_SHAPE:
        axes.plot(np.full(len(middles), place), middles, "o", color=colour, alpha=0.6)
    else:
        at, density = _density(logs, counts.astype(np.float64))
        half = 0.4 * density / density.max()
        values = 10.0**at
        axes.fill_betweenx(values, place - half, place + half, color=colour, alpha=0.3, linewidth=0)
        axes.plot(place - half, values, color=colour, linewidth=1)
        axes.plot(place + half, values, color=colour, linewidth=1)
    lower, median, upper, p99 = (
        value or 0.0 for value in histogram.percentiles((25.0, 50.0, 75.0, 99.0))
    )
    if histogram.total >= _FEWEST_FOR_SHAPE:
        axes.vlines(place, lower, upper, color=_DARK, linewidth=4, zorder=4)
        axes.hlines(p99, place - 0.12, place + 0.12, color=_DARK, linewidth=1.4, zorder=4)
    axes.plot(place, median, "o", color="white", markeredgecolor=_DARK, zorder=5)
    axes.plot(place, histogram.maximum or 0.0, ".", color=_DARK, zorder=5)


def _density(logs: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """A Gaussian kernel's density between the lowest and the highest value.

    Its width is from B. W. Silverman, Density Estimation for Statistics and Data Analysis (1986),
    eq. 3.31, with counts as weights.
    """
    total = counts.sum()
    mean = float((logs * counts).sum() / total)
    deviation = math.sqrt(float((counts * (logs - mean) ** 2).sum() / total))
    sums = np.cumsum(counts) / total
    lower, upper = (float(logs[np.searchsorted(sums, share)]) for share in (0.25, 0.75))
    spread = min(deviation, (upper - lower) / 1.34) or deviation
    bandwidth = max(0.9 * spread / float(total) ** 0.2, _NARROWEST)
    at = np.linspace(logs[0], logs[-1], _STEPS)
    # A few equal values have no spread of their own, and the grid must still meet them.
    bandwidth = max(bandwidth, float(at[1] - at[0]))
    distances = (at[:, None] - logs[None, :]) / bandwidth
    density: Floats = (np.exp(-0.5 * distances**2) * counts[None, :]).sum(axis=1)
    return at, density
