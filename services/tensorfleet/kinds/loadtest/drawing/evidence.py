"""The resource that broke first, beside the response times."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from tensorfleet.kinds.drawing import style
from tensorfleet.kinds.drawing.quantities import bytes_text
from tensorfleet.kinds.loadtest.drawing import panels
from tensorfleet.kinds.loadtest.drawing.seconds_course import response_course, with_gaps
from tensorfleet.kinds.loadtest.record import Breaking, Sample, Watched
from tensorfleet.kinds.loadtest.reporting.subject import Subject
from tensorfleet.kinds.loadtest.reporting.tables import cpu_share


def _memory_share(sample: Sample) -> float | None:
    if sample.memory_used_bytes is None or not sample.memory_total_bytes:
        return None
    return sample.memory_used_bytes / sample.memory_total_bytes


def _network(sample: Sample) -> float | None:
    received, sent = (
        sample.network_received_bytes_per_second,
        sample.network_sent_bytes_per_second,
    )
    # Full duplex: the busier direction is what breaks.
    known = [value for value in (received, sent) if value is not None]
    return max(known, default=None)


_RESOURCES: dict[str, tuple[str, Callable[[Sample], float | None]]] = {
    "cpu": ("CPU", cpu_share),
    "core": ("busiest core", lambda sample: max(sample.cores, default=None)),
    "memory": ("memory in use", _memory_share),
    "swap": ("swap in use", lambda sample: sample.swap_used_bytes),
    "disk": ("disk busy", lambda sample: sample.disk_busy),
    "network": ("network", _network),
    "load": ("load average", lambda sample: sample.load_average),
    "steal": ("CPU taken by others", lambda sample: sample.cpu_steal),
}
_SHARES = {"cpu", "core", "memory", "disk", "steal"}


def draw(subjects: Sequence[Subject]) -> Figure:
    """The course of that resource with its limit, above the response times on the same clock."""
    if len(subjects) > 1:
        raise panels.nothing("evidence is of one load test, not of several")
    subject = subjects[0]
    bottleneck = subject.document.bottleneck
    breaking = None if bottleneck is None else bottleneck.first
    if breaking is None:
        said = bottleneck.message if bottleneck is not None else ""
        raise panels.nothing(said or "no watched resource was used up")
    watched = _machine(subject, breaking)
    if watched is None or breaking.resource not in _RESOURCES:
        raise panels.nothing(f"no samples of {breaking.resource} of {breaking.alias} were kept")
    figure, (top, bottom) = panels.figure_of("Which resource broke first", 2.4, 2.2)
    has_names = panels.shade_points([top, bottom], subject.points, 0.0)
    _draw_resource(top, watched, breaking, has_names=has_names)
    _draw_responses(bottom, subject)
    for axes in (top, bottom):
        axes.axvline(breaking.at, color=panels.COLOUR_P99, linewidth=1.2, linestyle=(0, (2, 2)))
    top.annotate(
        f"used up from {breaking.at:.1f} s on",
        (breaking.at, 0),
        xytext=(4, 5),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        fontsize=8.5,
        color=panels.COLOUR_P99,
    )
    panels.mark_clock(bottom)
    return figure


def _machine(subject: Subject, breaking: Breaking) -> Watched | None:
    return next(
        (
            watched
            for watched in subject.document.watched
            if watched.alias == breaking.alias and watched.samples
        ),
        None,
    )


def _draw_resource(axes: Axes, watched: Watched, breaking: Breaking, *, has_names: bool) -> None:
    name, read = _RESOURCES[breaking.resource]
    at = [sample.at for sample in watched.samples]
    values = np.array([read(sample) for sample in watched.samples], dtype=np.float64)
    axes.plot(at, values, color=style.COLOURS[0], label=panels.short(f"{name} of {watched.alias}"))
    axes.axhline(
        breaking.limit, color=style.GREY, linewidth=1, linestyle=(0, (4, 3)), label="limit"
    )
    highest = float(np.nanmax(values, initial=breaking.limit))
    highest = 1.0 if breaking.resource in _SHARES else highest
    axes.set_ylim(0, (1.22 if has_names else 1.05) * highest)
    if breaking.resource in _SHARES:
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0, decimals=0))
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0])
    elif breaking.resource in ("network", "swap"):
        per = "/s" if breaking.resource == "network" else ""
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: bytes_text(value) + per))
    panels.legend_above(axes)


def _draw_responses(axes: Axes, subject: Subject) -> None:
    courses = [response_course(point) for point in subject.points if point.seconds]
    if not courses:
        return
    at, median = with_gaps([(course.at, course.median) for course in courses])
    _, p99 = with_gaps([(course.at, course.p99) for course in courses])
    axes.plot(at, p99, color=panels.COLOUR_P99, label="response time p99")
    axes.plot(at, median, color=panels.COLOUR_MEDIAN, linestyle=":", label="p50")
    panels.mark_durations(
        axes, float(np.nanmin(median, initial=np.inf)), float(np.nanmax(p99, initial=0.0))
    )
    panels.legend_above(axes)
