"""Response times and failures over time."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tensorfleet.kinds.drawing import style
from tensorfleet.kinds.loadtest.drawing import panels
from tensorfleet.kinds.loadtest.drawing.seconds_course import (
    error_codes,
    middles,
    per_second,
    response_course,
    with_gaps,
)
from tensorfleet.kinds.loadtest.record import Counts
from tensorfleet.kinds.loadtest.reporting.bounds import response_bounds
from tensorfleet.kinds.loadtest.reporting.subject import Subject

_MOST_CODES = 5


def draw(subjects: Sequence[Subject]) -> Figure:
    """Median, 99th percentile and maximum of each second; below, what failed."""
    if not any(point.seconds for subject in subjects for point in subject.points):
        raise panels.nothing("no second of the load test was kept")
    if len(subjects) == 1:
        return _draw_one(subjects[0])
    figure, (axes,) = panels.figure_of("Response time over time", 3.6)
    lows, highs = [], []
    for index, subject in enumerate(subjects[: style.MOST_LINES]):
        origin = subject.points[0].start_seconds
        courses = [response_course(point) for point in subject.points]
        at, p99 = with_gaps([(course.at - origin, course.p99) for course in courses])
        _, median = with_gaps([(course.at, course.median) for course in courses])
        colour = style.colour_of(index)
        axes.plot(at, p99, color=colour, label=panels.short(f"{subject.alias} p99"))
        axes.plot(
            at, median, color=colour, linestyle=":", label=panels.short(f"{subject.alias} p50")
        )
        lows.append(np.nanmin(median, initial=np.inf))
        highs.append(np.nanmax(p99, initial=0.0))
    panels.mark_durations(axes, float(min(lows)), float(max(highs)))
    panels.mark_clock(axes, "seconds since each one's first point began")
    panels.legend_above(axes, 4)
    return figure


def _draw_one(subject: Subject) -> Figure:
    points = [point for point in subject.points if point.seconds]
    codes = error_codes([second for point in points for second in point.seconds])
    name = panels.short(subject.name_of(points[0])) if len(points) == 1 else ""
    title = "Response time over time" + (f", {name}" if name else "")
    heights = (3.2, 1.2) if codes else (3.6,)
    figure, axes = panels.figure_of(title, *heights)
    courses = [response_course(point) for point in points]
    at, median = with_gaps([(course.at, course.median) for course in courses])
    _, p99 = with_gaps([(course.at, course.p99) for course in courses])
    _, maximum = with_gaps([(course.at, course.maximum) for course in courses])
    has_names = panels.shade_points(axes, points, 0.0)
    top = axes[0]
    mark = panels.mark_of_few(len(at))
    top.plot(at, maximum, color=panels.COLOUR_MAX, linewidth=0.9, label="max", **mark)
    top.plot(at, p99, color=panels.COLOUR_P99, label="p99", **mark)
    top.plot(at, median, color=panels.COLOUR_MEDIAN, label="p50", **mark)
    top.fill_between(at, median, p99, color=panels.COLOUR_P99, alpha=0.12, linewidth=0)
    highest = float(np.nanmax(maximum, initial=0.0))
    highest = panels.draw_bounds(top, response_bounds(subject.document), highest)
    panels.mark_durations(
        top, float(np.nanmin(median, initial=np.inf)), highest, has_names=has_names
    )
    panels.legend_above(top)
    if codes:
        _draw_errors(axes[1], subject, codes)
    else:
        top.annotate(
            "nothing failed",
            (1, 1),
            xytext=(0, 8),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="right",
            fontsize=8.5,
            color=style.GREY,
        )
    panels.mark_clock(axes[-1])
    return figure


def _draw_errors(axes: Axes, subject: Subject, codes: list[str]) -> None:
    shown = codes[:_MOST_CODES]
    highest = 0.0
    for point in subject.points:
        at = middles(point)
        widths = [0.9 * second.seconds for second in point.seconds]
        base = np.zeros(len(at))
        for index, code in enumerate(shown):
            rates = per_second(point, partial(_failed, codes=(code,)))
            axes.bar(at, rates, widths, base, color=_error_colour(index), label=panels.short(code))
            base += rates
        if len(codes) > _MOST_CODES:
            rates = per_second(point, partial(_failed, codes=codes[_MOST_CODES:]))
            axes.bar(at, rates, widths, base, color=style.GREY, label="others")
            base += rates
        highest = max(highest, float(base.max(initial=0.0)))
    panels.mark_counts(axes, highest)
    axes.set_ylabel("failed per second")
    panels.legend_above(axes, 6)


def _failed(counts: Counts, codes: Sequence[str]) -> int:
    return sum(counts.errors.get(code, 0) for code in codes)


def _error_colour(index: int) -> str:
    return style.colour_of(index + 3)
