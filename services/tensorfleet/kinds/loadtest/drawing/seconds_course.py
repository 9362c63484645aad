"""A point's seconds as courses over time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tensorfleet.kinds.loadtest.histogram import Histogram
from tensorfleet.kinds.loadtest.record import Counts, Point, Second

Course = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseCourse:
    """Response times over time, in seconds; NaN where nothing was answered."""

    at: Course
    """Middles of the intervals, on the document's clock."""
    median: Course
    p99: Course
    maximum: Course


def response_course(point: Point) -> ResponseCourse:
    """Of all intervals of a point."""
    found = [Histogram.decode(second.response) for second in point.seconds]
    rows = [[*histogram.percentiles((50.0, 99.0)), histogram.maximum] for histogram in found]
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)  # None becomes NaN
    return ResponseCourse(
        at=middles(point), median=table[:, 0], p99=table[:, 1], maximum=table[:, 2]
    )


def middles(point: Point) -> Course:
    """When a point's intervals were, on the document's clock."""
    at = [point.start_seconds + second.start + second.seconds / 2 for second in point.seconds]
    return np.array(at, dtype=np.float64)


def per_second(point: Point, count: Callable[[Counts], int]) -> Course:
    """A count of every interval as a rate."""
    rates = [count(second.counts) / max(1, second.seconds) for second in point.seconds]
    return np.array(rates, dtype=np.float64)


def with_gaps(parts: Sequence[tuple[Course, Course]]) -> tuple[Course, Course]:
    """Courses one after the other, so that a line through them breaks between them."""
    gap = np.array([np.nan])
    at = [piece for part, _ in parts for piece in (part, gap)]
    values = [piece for _, part in parts for piece in (part, gap)]
    return np.concatenate(at), np.concatenate(values)


def error_codes(seconds: Sequence[Second]) -> list[str]:
    """Codes of failures, the most frequent first."""
    totals: dict[str, int] = {}
    for second in seconds:
        for code, count in second.counts.errors.items():
            totals[code] = totals.get(code, 0) + count
    return sorted(totals, key=lambda code: (-totals[code], code))
