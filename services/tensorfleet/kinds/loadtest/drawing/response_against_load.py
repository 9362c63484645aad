"""How response times grow with the load."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tensorfleet.kinds.drawing import style
from tensorfleet.kinds.drawing.quantities import rate_text, size_text
from tensorfleet.kinds.loadtest.drawing import panels
from tensorfleet.kinds.loadtest.histogram import Histogram
from tensorfleet.kinds.loadtest.record import Document, Point, Search
from tensorfleet.kinds.loadtest.reporting.bounds import response_bounds
from tensorfleet.kinds.loadtest.reporting.point_figures import PointFigures
from tensorfleet.kinds.loadtest.reporting.subject import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dot:
    """A point, or a second of one; times in seconds."""

    load: float
    median: float
    p99: float
    is_valid: bool


def draw(subjects: Sequence[Subject]) -> Figure:
    """Median and 99th percentile over the load parameter, or over the rate.

    A single point whose rate changed gives a dot for each second.
    """
    by_load = _is_by_load(subjects)
    dots = [_dots_of_points(subject.points, by_load) for subject in subjects]
    is_of_seconds = not by_load and all(len({dot.load for dot in row}) < 2 for row in dots)
    if is_of_seconds:
        of_seconds = [_dots_of_seconds(subject.points) for subject in subjects]
        is_of_seconds = any(len({dot.load for dot in row}) > 1 for row in of_seconds)
        dots = of_seconds if is_of_seconds else dots
    everything = [dot for row in dots for dot in row]
    if not everything:
        what = "load parameter" if by_load else "rate"
        raise panels.nothing(f"no point with a {what} has an answer")
    figure, (axes,) = panels.figure_of("Response time against load", 4.0)
    for index, (subject, row) in enumerate(zip(subjects, dots, strict=True)):
        _draw_row(axes, subject, row, index, is_joined=not is_of_seconds, count=len(subjects))
    if any(not dot.is_valid for dot in everything):
        axes.plot([], [], "x", color=style.GREY, label="INVALID: the generator was the limit")
    highest = max(dot.p99 for dot in everything)
    if len(subjects) == 1:
        document = subjects[0].document
        highest = panels.draw_bounds(axes, response_bounds(document), highest)
    panels.mark_durations(axes, min(dot.median for dot in everything), highest)
    if len(subjects) == 1:
        _mark_search(axes, document, by_load=by_load)
    _mark_loads(axes, everything, by_load=by_load, is_of_seconds=is_of_seconds)
    panels.legend_above(axes, 4)
    return figure


def _is_by_load(subjects: Sequence[Subject]) -> bool:
    points = [point for subject in subjects for point in subject.points]
    search = subjects[0].document.search
    if search is not None:
        return search.parameter == "load"
    return len({point.load for point in points}) > 1


def _dots_of_points(points: Sequence[Point], by_load: bool) -> list[_Dot]:
    found = []
    for point in points:
        figures = PointFigures(point)
        load = point.load if by_load else figures.asked_rate
        dot = _dot(load, Histogram.decode(point.response), point.is_valid)
        if dot is not None:
            found.append(dot)
    return sorted(found, key=lambda dot: dot.load)


def _dots_of_seconds(points: Sequence[Point]) -> list[_Dot]:
    found = []
    for point in points:
        for second in point.seconds:
            rate = second.counts.scheduled / max(1, second.seconds)
            dot = _dot(rate or None, Histogram.decode(second.response), point.is_valid)
            if dot is not None:
                found.append(dot)
    return sorted(found, key=lambda dot: dot.load)


def _dot(load: float | None, response: Histogram, is_valid: bool) -> _Dot | None:
    median, p99 = response.percentiles((50.0, 99.0))
    if load is None or median is None or p99 is None:
        return None
    return _Dot(load=load, median=median, p99=p99, is_valid=is_valid)


def _draw_row(
    axes: Axes, subject: Subject, row: list[_Dot], index: int, *, is_joined: bool, count: int
) -> None:
    valid = [dot for dot in row if dot.is_valid]
    alias = f"{subject.alias} " if count > 1 else ""
    colours = (style.colour_of(index),) * 2
    if count == 1:
        colours = (panels.COLOUR_P99, panels.COLOUR_MEDIAN)
    for name, colour, mark in (("p99", colours[0], "o"), ("p50", colours[1], "s")):
        values = {id(dot): dot.p99 if name == "p99" else dot.median for dot in row}
        axes.plot(
            [dot.load for dot in valid],
            [values[id(dot)] for dot in valid],
            mark,
            linestyle="",
            color=colour,
            markersize=5 if is_joined else 3.5,
            markeredgecolor="white",
            markeredgewidth=0.5,
            label=panels.short(f"{alias}{name}"),
        )
        if is_joined:
            # Through the newest at each load: a search repeats points, and runs its best again.
            line = list({dot.load: dot for dot in valid}.values())
            axes.plot(
                [dot.load for dot in line],
                [values[id(dot)] for dot in line],
                "-" if name == "p99" else ":",
                color=colour,
                zorder=1.5,
            )
        invalid = [dot for dot in row if not dot.is_valid]
        axes.plot([d.load for d in invalid], [values[id(d)] for d in invalid], "x", color=colour)


def _mark_search(axes: Axes, document: Document, *, by_load: bool) -> None:
    search: Search | None = document.search
    if search is None:
        return
    text = size_text if by_load else rate_text
    marks = []
    if search.knee is not None:
        marks.append((search.knee.value, f"knee {text(search.knee.value)}", style.GREY))
    if search.best is not None:
        marks.append((search.best, f"most {text(search.best)}", style.COLOURS[2]))
    for number, (value, label, colour) in enumerate(marks):
        axes.axvline(value, color=colour, linewidth=1.2, linestyle=(0, (2, 2)), zorder=1)
        axes.annotate(
            label,
            (value, 1),
            xytext=(-3, -22 - 12 * number),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=8.5,
            color=colour,
        )


def _mark_loads(axes: Axes, dots: list[_Dot], *, by_load: bool, is_of_seconds: bool) -> None:
    loads = np.array([dot.load for dot in dots])
    low, high = float(loads.min()), float(loads.max())
    if low > 0 and high / low > 30:
        # The first steps of a search double; on a linear axis they would lie on each other.
        axes.set_xscale("log")
        axes.minorticks_off()
        axes.set_xlim(low / 1.15, high * 1.15)
    else:
        pad = 0.05 * (high - low) or max(0.5, 0.05 * high)
        axes.set_xlim(max(0.0, low - pad), high + pad)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=9, integer=by_load))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: size_text(value) if value >= 10 else f"{value:g}")
    )
    label = "load parameter" if by_load else "rate that was asked for, per second"
    axes.set_xlabel(label + (" (each second a dot)" if is_of_seconds else ""))
