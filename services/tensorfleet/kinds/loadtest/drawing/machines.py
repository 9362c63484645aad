"""CPU and memory of the watched machines, of one load test or several."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from tensorfleet.kinds.drawing import style
from tensorfleet.kinds.loadtest.drawing import panels
from tensorfleet.kinds.loadtest.drawing.seconds_course import Course
from tensorfleet.kinds.loadtest.record import Watched
from tensorfleet.kinds.loadtest.reporting.subject import Subject
from tensorfleet.kinds.loadtest.reporting.tables import cpu_share


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    name: str
    at: Course
    cpu: Course
    memory: Course


def draw(subjects: Sequence[Subject]) -> Figure:
    """How busy they were, and how much of their memory was used, over time.

    Several load tests are aligned at the beginnings of their first shown points.
    """
    lines = [
        _line(subject, watched, len(subjects))
        for subject in subjects
        for watched in subject.document.watched
        if watched.samples
    ]
    if not lines:
        raise panels.nothing("no machine was watched; name some in `monitors`")
    figure, (cpu, memory) = panels.figure_of("CPU and memory of the machines", 2.3, 2.3)
    panels.say_left_out(figure, len(lines) - style.MOST_LINES)
    has_names = len(subjects) == 1 and panels.shade_points([cpu, memory], subjects[0].points, 0.0)
    for index, line in enumerate(lines[: style.MOST_LINES]):
        colour = style.colour_of(index)
        dashes = "-" if index < len(style.COLOURS) else "--"
        cpu.plot(
            line.at, 100 * line.cpu, color=colour, linestyle=dashes, label=panels.short(line.name)
        )
        memory.plot(line.at, line.memory, color=colour, linestyle=dashes)
    cpu.set_ylim(0, 122 if has_names else 104)
    cpu.set_yticks([0, 25, 50, 75, 100])
    cpu.set_ylabel("CPU, % of the machine")
    panels.mark_memory(memory, max(float(np.nanmax(line.memory, initial=0.0)) for line in lines))
    memory.set_ylabel("memory in use")
    clock = "seconds since each one's first point began" if len(subjects) > 1 else None
    panels.mark_clock(memory, *([clock] if clock else []))
    panels.legend_above(cpu, 4)
    return figure


def _line(subject: Subject, watched: Watched, count: int) -> _Line:
    origin = subject.points[0].start_seconds if count > 1 else 0.0
    samples = watched.samples
    host = f" ({watched.host})" if watched.host and watched.host != watched.alias else ""
    name = f"{subject.alias}: {watched.alias}" if count > 1 else f"{watched.alias}{host}"
    return _Line(
        name=name,
        at=np.array([sample.at - origin for sample in samples], dtype=np.float64),
        cpu=np.array([cpu_share(sample) for sample in samples], dtype=np.float64),
        memory=np.array([sample.memory_used_bytes for sample in samples], dtype=np.float64),
    )
