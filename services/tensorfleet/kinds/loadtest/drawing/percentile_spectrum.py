"""Percentiles up to the rarest, on an axis that gives each further nine the same room.

The form is that of HdrHistogram's plots (G. Tene, hdrhistogram.org).
"""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tensorfleet.kinds.drawing import style
from tensorfleet.kinds.loadtest.drawing import panels
from tensorfleet.kinds.loadtest.histogram import Histogram
from tensorfleet.kinds.loadtest.record import Point
from tensorfleet.kinds.loadtest.reporting.bounds import response_bounds
from tensorfleet.kinds.loadtest.reporting.subject import Subject

_LAST = 100_000.0
"""1 / (1 - 0.99999)."""
_MAXIMUM_AT = 250_000.0
_TICKS = {
    1.0: "min",
    2.0: "50",
    10.0: "90",
    100.0: "99",
    1_000.0: "99.9",
    10_000.0: "99.99",
    _LAST: "99.999",
    _MAXIMUM_AT: "max",
}
_PER_LINE = 600
_LATE_SECONDS = 0.001
_DASHES = ("-", "--", ":", "-.")

_Line = tuple[str, Histogram, int, str]
"""Name, times, number of the colour, dashes."""


def draw(subjects: Sequence[Subject]) -> Figure:
    """Response times by percentile; of a single point also its service times."""
    points = panels.named_points(subjects)
    lines = _lines(subjects, _response)
    if len(points) == 1 and lines:
        point = points[0][1]
        lines = [("response time", _response(point), 0, "-")]
        lines.append(("service time (without waiting)", Histogram.decode(point.service), 1, "--"))
        server = Histogram.decode(point.server)
        lines.append(("the server's own time", server, 2, ":"))
        lines = [line for line in lines if line[1].total]
    title = "Response time by percentile"
    if len(points) == 1:
        title += f", {panels.short(points[0][0])}"
    bounds = response_bounds(subjects[0].document) if len(subjects) == 1 else {}
    return _draw(title, lines, bounds, "no point has an answer yet")


def draw_lateness(subjects: Sequence[Subject]) -> Figure:
    """How late the generators themselves were, by percentile."""
    lines = _lines(subjects, lambda point: Histogram.decode(point.lateness))
    bounds = {"late from here on": _LATE_SECONDS}
    title = "Lateness of the generator by percentile"
    return _draw(title, lines, bounds, "no point kept how late its requests were")


def _lines(subjects: Sequence[Subject], histogram_of: Callable[[Point], Histogram]) -> list[_Line]:
    """A colour for each point; of several load tests, one for each, and dashes for points."""
    found = []
    for number, subject in enumerate(subjects):
        for index, (name, point) in enumerate(panels.named_points([subject])):
            if len(subjects) > 1:
                look = (number, _DASHES[index % len(_DASHES)])
            else:
                look = (index, _DASHES[index // len(style.COLOURS) % len(_DASHES)])
            found.append((name, histogram_of(point), *look))
    return [line for line in found if line[1].total]


def _draw(
    title: str,
    lines: Sequence[_Line],
    bounds: dict[str, float],
    problem: str,
) -> Figure:
    if not lines:
        raise panels.nothing(problem)
    figure, (axes,) = panels.figure_of(title, 4.2)
    panels.say_left_out(figure, len(lines) - style.MOST_LINES)
    lines = lines[: style.MOST_LINES]
    for name, histogram, index, dashes in lines:
        _draw_line(axes, name, histogram, index, dashes)
    _mark_percentiles(axes)
    lowest = min(histogram.minimum or 0.0 for _, histogram, _, _ in lines)
    highest = max(histogram.maximum or 0.0 for _, histogram, _, _ in lines)
    panels.mark_durations(axes, lowest, panels.draw_bounds(axes, bounds, highest))
    panels.legend_above(axes, 4)
    return figure


def _draw_line(axes: Axes, name: str, histogram: Histogram, index: int, dashes: str) -> None:
    # Beyond 1 - 1/count nothing was measured but the maximum, which stands apart.
    reach = min(_LAST, max(1.0001, float(histogram.total)))
    at = np.geomspace(1.0, reach, _PER_LINE)
    percents = (100.0 * (1.0 - 1.0 / at)).tolist()
    values = [value or 0.0 for value in histogram.percentiles(percents)]
    colour = style.colour_of(index)
    axes.plot(at, values, color=colour, label=panels.short(name), linestyle=dashes)
    axes.plot(
        _MAXIMUM_AT,
        histogram.maximum or 0.0,
        style.mark_of(index),
        color=colour,
        markersize=5,
        clip_on=False,
    )


def _mark_percentiles(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_xlim(1.0, _MAXIMUM_AT * 1.1)
    axes.set_xticks(list(_TICKS), list(_TICKS.values()))
    axes.minorticks_off()
    axes.set_xlabel("percentile")


def _response(point: Point) -> Histogram:
    return Histogram.decode(point.response)
