"""Points for tests, from response times."""

from collections.abc import Sequence

from tensorfleet.kinds.loadtest.arrivals import Constant
from tensorfleet.kinds.loadtest.histogram import NANOSECONDS, Histogram
from tensorfleet.kinds.loadtest.record import Counts, Point


def written(seconds: Sequence[float]) -> str:
    histogram = Histogram()
    histogram.record([round(value * NANOSECONDS) for value in seconds])
    return histogram.encode()


def point_of(
    response: Sequence[float],
    *,
    service: Sequence[float] = (),
    server: Sequence[float] = (),
    failed: int = 0,
    duration_seconds: float = 1.0,
    phase: str = "run",
    label: str = "a point",
    rate: float | None = None,
    load: int | None = None,
) -> Point:
    return Point(
        label=label,
        phase=phase,
        rate=rate,
        load=load,
        arrivals=Constant(rate=rate or 1.0, duration_seconds=duration_seconds),
        start_seconds=0.0,
        duration_seconds=duration_seconds,
        counts=Counts(scheduled=len(response), answered=len(response) - failed, failed=failed),
        response=written(response),
        service=written(service),
        server=written(server),
    )
