"""Parts of documents, for tests."""

import numpy as np

from tensorfleet.kinds.loadtest.arrivals import Constant
from tensorfleet.kinds.loadtest.crew.merging import total_counts
from tensorfleet.kinds.loadtest.histogram import Histogram, merged
from tensorfleet.kinds.loadtest.record import Counts, Point, Second


def second(start: int, answered: int = 10, failed: int = 0) -> Second:
    """A second with times of its own."""
    histogram = Histogram()
    values = np.random.default_rng(start).lognormal(14, 1, answered + failed)
    histogram.record(values.astype(np.int64))
    return Second(
        start=start,
        counts=Counts(
            scheduled=answered + failed,
            sent=answered + failed,
            answered=answered,
            failed=failed,
            errors={"RESET": failed} if failed else {},
            statuses={"200": answered},
            sent_bytes=start,
            received_bytes=7,
        ),
        response=histogram.encode(),
        service=histogram.encode(),
    )


def point(seconds: int) -> Point:
    """A point of so many seconds."""
    rows = tuple(second(start, failed=start % 3) for start in range(seconds))
    return Point(
        label="10/s",
        arrivals=Constant(rate=10.0, duration_seconds=float(seconds)),
        start_seconds=0.0,
        duration_seconds=float(seconds),
        counts=total_counts(row.counts for row in rows),
        response=merged([row.response for row in rows]).encode(),
        service=merged([row.service for row in rows]).encode(),
        seconds=rows,
    )
