"""What was meant to be sent, what was, and what came back."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure

from tensorfleet.kinds.drawing import style
from tensorfleet.kinds.loadtest.drawing import panels
from tensorfleet.kinds.loadtest.drawing.seconds_course import (
    Course,
    middles,
    per_second,
    with_gaps,
)
from tensorfleet.kinds.loadtest.record import Counts
from tensorfleet.kinds.loadtest.reporting.subject import Subject


def draw(subjects: Sequence[Subject]) -> Figure:
    """Rates of each second: scheduled, sent, answered, failed; late ones marked."""
    shown = [subject for subject in subjects if any(point.seconds for point in subject.points)]
    if not shown:
        raise panels.nothing("no second of the load test was kept")
    figure, axes = panels.figure_of(
        "Sent against answered, per second", *([3.6] if len(shown) == 1 else [2.0] * len(shown))
    )
    for panel, subject in zip(axes, shown, strict=True):
        origin = subject.points[0].start_seconds if len(shown) > 1 else 0.0
        has_names = panels.shade_points([panel], subject.points, origin)

        def course(
            count: Callable[[Counts], int], subject: Subject = subject, origin: float = origin
        ) -> tuple[Course, Course]:
            return with_gaps(
                [(middles(point) - origin, per_second(point, count)) for point in subject.points]
            )

        at, scheduled = course(lambda counts: counts.scheduled)
        _, sent = course(lambda counts: counts.sent)
        _, answered = course(lambda counts: counts.answered)
        _, failed = course(lambda counts: counts.failed)
        _, late = course(lambda counts: counts.late)
        _, held = course(lambda counts: counts.held)
        mark = panels.mark_of_few(len(at))
        panel.plot(at, scheduled, color=style.LIGHT_GREY, linewidth=5, label="scheduled")
        panel.plot(at, answered, color=style.COLOURS[2], linewidth=2.2, label="answered", **mark)
        panel.plot(at, sent, color="#000000", linewidth=0.8, linestyle="--", label="sent")
        if np.nansum(failed):
            panel.plot(at, failed, color=panels.COLOUR_FAILED, label="failed", **mark)
        if np.nansum(held):
            panel.plot(
                at,
                held,
                color=style.COLOURS[5],
                linestyle="--",
                label="had to wait for a connection",
            )
        is_late = late > 0
        if is_late.any():
            panel.plot(
                at[is_late],
                late[is_late],
                "x",
                color=panels.COLOUR_P99,
                label="sent late (the generator's fault)",
            )
        highest = float(np.nanmax([scheduled, answered], initial=0.0))
        panels.mark_counts(panel, highest, has_names=has_names)
        panel.set_ylabel(panels.short(subject.alias) or "per second")
    panels.mark_clock(
        axes[-1],
        *(["seconds since each one's first point began"] if len(shown) > 1 else []),
    )
    panels.legend_above(axes[0], others=axes[1:])
    return figure
