"""A job's load test as events: each second's figures as metrics, the points as progress."""

from tensorfleet.kinds.loadtest.histogram import Histogram
from tensorfleet.kinds.loadtest.listener import LoadOrder
from tensorfleet.kinds.loadtest.record import Point, Second
from tensorfleet.kinds.task_place import TaskRun

_PERCENTILES = {"p50_ms": 50.0, "p99_ms": 99.0, "max_ms": 100.0}


class JobListener:
    """See Listener. A metric's step counts the seconds of all points."""

    def __init__(self, run: TaskRun) -> None:
        self._run = run
        self._points = 0
        self._seconds = 0
        self._order: LoadOrder | None = None

    def point_started(self, order: LoadOrder) -> None:
        """See Listener."""
        self._order = order
        self._say(f"point {self._points + 1}: {order.label}")

    def second(self, second: Second) -> None:
        """See Listener."""
        counts = second.counts
        metrics: dict[str, float] = {
            "scheduled": counts.scheduled,
            "sent": counts.sent,
            "late": counts.late,
            "answered": counts.answered,
            "failed": counts.failed,
        }
        order = self._order
        if order is not None and order.rate is not None:
            metrics["rate"] = order.rate
        if order is not None and order.load is not None:
            metrics["load"] = order.load
        found = Histogram.decode(second.response).percentiles(list(_PERCENTILES.values()))
        for name, seconds in zip(_PERCENTILES, found, strict=True):
            if seconds is not None:
                metrics[f"response_{name}"] = seconds * 1000.0
        self._run.log(step=self._seconds, **metrics)
        self._seconds += 1

    def point_ended(self, point: Point) -> None:
        """See Listener."""
        self._points += 1
        self._run.progress(self._points, unit="points")
        for reason in point.reasons:
            self._say(f"{point.label} is INVALID: {reason.message}")

    def note(self, text: str) -> None:
        """See Listener."""
        self._say(text)

    def _say(self, text: str) -> None:
        print(text, flush=True)  # noqa: T201  the job's log
