"""What several pictures are built of."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

from tensorfleet.kinds.drawing import style
from tensorfleet.kinds.drawing.quantities import bytes_text, seconds_text, size_text
from tensorfleet.kinds.loadtest.record import Point
from tensorfleet.kinds.loadtest.reporting.subject import Subject
from tensorfleet.shared.errors import InvalidInput

WIDTH_INCHES = 8.4
_MOST_NAMED_POINTS = 8
_LONGEST_LABEL = 40
_FEW_VALUES = 60
# Of a panel's height, that points' names take.
_NAMES_SHARE = 0.17
# Above that ratio of the largest to the smallest value, a linear axis would hide the small ones.
_LINEAR_REACH = 12.0
# A bound far above everything measured would flatten the rest.
_BOUND_REACH = 20.0

# One meaning, one colour, in all pictures.
COLOUR_MEDIAN = style.COLOURS[0]
COLOUR_P99 = style.COLOURS[1]
COLOUR_MAX = style.GREY
COLOUR_FAILED = style.COLOURS[3]


def figure_of(title: str, *heights: float) -> tuple[Figure, list[Axes]]:
    """A figure with panels below each other, of these heights in inches, on one x axis."""
    figure = Figure(figsize=(WIDTH_INCHES, sum(heights) + 0.9), layout="constrained")
    figure.suptitle(title, x=0.012, ha="left", fontsize=12, fontweight="bold")
    grid = figure.subplots(
        len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    return figure, [row[0] for row in grid]


def legend_above(axes: Axes, columns: int = 5, *, others: Sequence[Axes] = ()) -> None:
    """Names of what is drawn (see `short`), in rows above the panel; none for what has none.

    Args:
        others: Further panels whose names go there, too, each once.
    """
    named: dict[str, Any] = {}
    for panel in (axes, *others):
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            named.setdefault(str(label), handle)
    if named:
        axes.legend(
            list(named.values()),
            list(named),
            loc="lower left",
            bbox_to_anchor=(-0.01, 1.0),
            ncols=min(columns, len(named)),
            fontsize=8.5,
            handlelength=1.6,
            columnspacing=1.4,
            borderaxespad=0.2,
        )


def short(text: str) -> str:
    """A label that leaves room for others; never taken for a formula or for "no label"."""
    shown = text if len(text) <= _LONGEST_LABEL else f"{text[: _LONGEST_LABEL - 1]}…"
    shown = shown.replace("\n", " ").replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


def mark_clock(axes: Axes, label: str = "seconds since the load test began") -> None:
    """A linear axis of time."""
    axes.set_xlabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, steps=[1, 2, 3, 5, 6, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))


def mark_durations(axes: Axes, lowest: float, highest: float, *, has_names: bool = False) -> None:
    """An axis of durations: from 0, or logarithmic where what is drawn differs much.

    Args:
        lowest: The smallest duration, in seconds.
        highest: The largest one.
        has_names: Leaves room for points' names at the top.
    """
    lowest = max(lowest, 1e-7) if np.isfinite(lowest) else 1e-7
    highest = max(highest, lowest)
    ratio = highest / lowest
    if ratio > _LINEAR_REACH:
        axes.set_ylim(lowest / 1.3, highest * 1.2 * (ratio**_NAMES_SHARE if has_names else 1))
        style.mark_seconds(axes)
        return
    axes.set_ylim(0, highest * (1.08 + (_NAMES_SHARE if has_names else 0)))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=7))
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: seconds_text(value) if value > 0 else "0")
    )


def mark_counts(axes: Axes, highest: float, *, has_names: bool = False) -> None:
    """A linear axis of counts, from 0, with room for points' names at the top where there are."""
    axes.set_ylim(0, max(highest, 1e-9) * (1.06 + (_NAMES_SHARE if has_names else 0)))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: size_text(value) if value >= 10 else f"{value:g}")
    )


def mark_memory(axes: Axes, highest: float) -> None:
    """A linear axis of bytes from 0, with ticks at round binary amounts."""
    highest = max(highest, 1.0)
    axes.set_ylim(0, 1.08 * highest)
    axes.yaxis.set_major_locator(MultipleLocator(2.0 ** np.ceil(np.log2(highest / 6))))
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: bytes_text(value) if value > 0 else "0")
    )


def shade_points(axes: Sequence[Axes], points: Sequence[Point], origin: float) -> bool:
    """Shows when each point ran, with names as long as there are few; whether there are names."""
    is_named = 1 < len(points) <= _MOST_NAMED_POINTS
    for number, point in enumerate(points):
        start = point.start_seconds - origin
        end = start + point.duration_seconds
        for panel in axes:
            panel.axvspan(start, end, color=style.LIGHT_GREY, alpha=0.35, linewidth=0, zorder=0)
        if is_named:
            invalid = "" if point.is_valid else "\nINVALID"
            axes[0].annotate(
                short(point.label) + invalid,
                ((start + end) / 2, 1),
                # Neighbours' names must not touch.
                xytext=(0, -4 - 11 * (number % 2)),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize=8,
                color=style.GREY if point.is_valid else COLOUR_P99,
            )
    return is_named


def draw_bounds(axes: Axes, bounds: dict[str, float], highest: float) -> float:
    """Lines at the bounds of response times; returns how high the axis must reach."""
    for text, seconds in bounds.items():
        if seconds > _BOUND_REACH * highest:
            continue
        axes.axhline(seconds, color=style.GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
        axes.annotate(
            short(text),
            (1, seconds),
            xytext=(-3, 3),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            fontsize=8,
            color=style.GREY,
        )
        highest = max(highest, seconds)
    return highest


def say_left_out(figure: Figure, count: int) -> None:
    """Says that not everything is drawn, and how to choose."""
    if count > 0:
        figure.supxlabel(
            f"{count} more not shown: choose some with the option points or phase",
            fontsize=8,
            color=style.GREY,
        )


def mark_of_few(count: int) -> dict[str, Any]:
    """Marks on a course of few values: one of a single value has no line."""
    return {"marker": ".", "markersize": 4} if count < _FEW_VALUES else {}


def named_points(subjects: Sequence[Subject]) -> list[tuple[str, Point]]:
    """All points of all subjects with the names that tell them apart."""
    return [
        (subject.name_of(point) + ("" if point.is_valid else " INVALID"), point)
        for subject in subjects
        for point in subject.points
    ]


def nothing(what: str) -> InvalidInput:
    """For a picture of what was not measured."""
    return InvalidInput(f"there is nothing to draw: {what}")
