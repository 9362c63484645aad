"""How far a load test has come: what is known of it while it runs."""

from collections import deque

from tensorfleet.kinds.loadtest.histogram import Histogram
from tensorfleet.kinds.loadtest.listener import LoadOrder
from tensorfleet.kinds.loadtest.record import Point, Second
from tensorfleet.kinds.loadtest.reporting.arrival_text import planned_seconds
from tensorfleet.kinds.loadtest.reporting.point_figures import PointFigures

_KEPT_SECONDS = 240
_KEPT_NOTES = 8
_KEPT_POINTS = 200


class LoadProgress:
    """Takes what a load test tells; see `Listener`."""

    def __init__(self) -> None:
        self.order: LoadOrder | None = None
        """The point that runs."""
        self.total_seconds: float | None = None
        self.done_seconds = 0.0
        self.last: Second | None = None
        self.p50: float | None = None
        """Of the last second's response times, in seconds; so are the next two."""
        self.p99: float | None = None
        self.maximum: float | None = None
        self.courses: dict[str, deque[float]] = {}
        """Of the running point: "p99" in seconds, and "answered" per second."""
        self.failed = 0
        self.late = 0
        self.errors: dict[str, int] = {}
        self.ended: deque[PointFigures] = deque(maxlen=_KEPT_POINTS)
        self.notes: deque[str] = deque(maxlen=_KEPT_NOTES)

    def start_point(self, order: LoadOrder) -> None:
        """A point begins."""
        self.order = order
        self.total_seconds = planned_seconds(order.arrivals)
        self.done_seconds = 0.0
        self.last = self.p50 = self.p99 = self.maximum = None
        self.courses = {name: deque(maxlen=_KEPT_SECONDS) for name in ("p99", "answered")}
        self.failed = self.late = 0
        self.errors = {}

    def take_second(self, second: Second) -> None:
        """The next second of the point."""
        self.last = second
        self.done_seconds = second.start + second.seconds
        response = Histogram.decode(second.response)
        self.p50, self.p99 = response.percentiles((50.0, 99.0))
        self.maximum = response.maximum
        self.courses["p99"].append(float("nan") if self.p99 is None else self.p99)
        self.courses["answered"].append(second.counts.answered / second.seconds)
        self.failed += second.counts.failed
        self.late += second.counts.late
        for code, count in second.counts.errors.items():
            self.errors[code] = self.errors.get(code, 0) + count

    def end_point(self, point: Point) -> PointFigures:
        """A point has ended."""
        figures = PointFigures(point)
        self.ended.append(figures)
        self.order = None
        return figures

    def note(self, text: str) -> None:
        """Something to know."""
        self.notes.append(text)
