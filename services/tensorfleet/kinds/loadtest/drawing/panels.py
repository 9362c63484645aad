"""What several pictures are built of."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from tensorfleet.kinds.drawing import style
from tensorfleet.kinds.drawing.quantities import seconds_text, size_text
from tensorfleet.kinds.loadtest.record import Point
from tensorfleet.kinds.loadtest.reporting.subject import Subject
from tensorfleet.shared.errors import InvalidInput

WIDTH_INCHES = 8.4
_MOST_NAMED_POINTS = 8
_LONGEST_LABEL = 40
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


def legend_above(axes: Axes, columns: int = 5) -> None:
    """Names of what is drawn, in rows above the panel; none for what has no name."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            handles,
            [short(label) for label in labels],
            loc="lower left",
            bbox_to_anchor=(-0.01, 1.0),
            ncols=min(columns, len(labels)),
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


def mark_durations(axes: Axes, lowest: float, highest: float) -> None:
    """An axis of durations: from 0, or logarithmic where what is drawn differs much.

    Args:
        lowest: The smallest duration, in seconds.
        highest: The largest one.
    """
    lowest = max(lowest, 1e-7)
    highest = max(highest, lowest)
    if highest / lowest > _LINEAR_REACH:
        axes.set_ylim(lowest / 1.3, highest * 1.4)
        style.mark_seconds(axes)
        return
    axes.set_ylim(0, highest * 1.08)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=7))
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: seconds_text(value) if value > 0 else "0")
    )


def mark_counts(axes: Axes) -> None:
    """A linear axis of counts, from 0."""
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: size_text(value) if value >= 10 else f"{value:g}")
    )


def shade_points(axes: Sequence[Axes], points: Sequence[Point], origin: float) -> None:
    """Shows when each point ran, with names as long as there are few."""
    for number, point in enumerate(points):
        start = point.start_seconds - origin
        end = start + point.duration_seconds
        for panel in axes:
            panel.axvspan(start, end, color=style.LIGHT_GREY, alpha=0.35, linewidth=0, zorder=0)
        if 1 < len(points) <= _MOST_NAMED_POINTS:
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
