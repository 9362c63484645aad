"""What a generator notes while it sends: in lists of numbers at first, in histograms soon after."""

from array import array
from collections import Counter

import numpy as np

from tensorfleet.kinds.loadtest.engine.part import PointPart, SecondPart, StepPart
from tensorfleet.kinds.loadtest.histogram import Histogram

SECOND = 1_000_000_000
LATE_NANOSECONDS = 1_000_000
# So many times are counted at a time: a larger heap would hold the loop up for longer.
_HEAP = 256
_MOST_HEAPED = 512


class Recorder:
    """One generator's notes on one point. Times are of the generator's clock, in nanoseconds."""

    __slots__ = (
        "_failed",
        "_failed_with_status",
        "_lateness",
        "_response",
        "_seconds_done",
        "_service",
        "_span",
        "_start",
        "_step_times",
        "_steps",
        "_sums",
        "_totals",
        "held_count",
        "late_count",
        "note_lateness",
        "note_response",
        "note_service",
        "scheduled_by_second",
        "sent_count",
        "statuses",
    )

    def __init__(self, start: int, step_names: tuple[str, ...]) -> None:
        self._start = start
        self._seconds_done = 0
        self._response = array("q")
        self._service = array("q")
        self._lateness = array("q")
        # Looked up once: these are called for every request. What they fill is emptied, never
        # replaced, as others have looked them up, too.
        self.note_response = self._response.append
        self.note_service = self._service.append
        self.note_lateness = self._lateness.append
        self._span = array("q")
        self.statuses: Counter[str | int] = Counter()
        self._failed: Counter[str] = Counter()
        self._failed_with_status = 0
        self.sent_count = self.held_count = self.late_count = 0
        self.scheduled_by_second: Counter[int] = Counter()
        self._sums = {name: Histogram() for name in ("response", "service")}
        self._totals = PointPart(start=start)
        self._steps = [StepPart(name=name) for name in step_names]
        self._step_times = [array("q") for _ in step_names]

    def came_to(self, lateness: int) -> None:
        """The generator has got to an arrival, so late."""
        self.note_lateness(lateness)
        if lateness > LATE_NANOSECONDS:
            self.late_count += 1

    def answered(self, intended: int, sent: int, now: int, status: int | str) -> None:
        """A good answer to an arrival, that is: to its last step."""
        self.statuses[status] += 1
        self.note_response(now - intended)
        self.note_service(now - sent)

    def failed(
        self, intended: int, sent: int, now: int, code: str, status: int | str | None = None
    ) -> None:
        """An arrival that failed.

        Args:
            sent: When it was sent; 0: it never was.
            status: Of a wrong answer.
        """
        self._failed[code] += 1
        if status is not None:
            self.statuses[status] += 1
            self._failed_with_status += 1
        # Those who wait in vain are not left out: their time is the least that it would have been.
        if status is not None or code in _WAITED:
            self._response.append(now - intended)
            if sent:
                self._service.append(now - sent)

    def not_begun(self, count: int) -> None:
        """Arrivals whose time came, and to which the generator had not got when it was stopped."""
        if count:
            self._failed["NOT_BEGUN"] += count

    def span(self, nanoseconds: int) -> None:
        """The server's own time for an arrival."""
        self._span.append(nanoseconds)

    def step(self, index: int, service: int, code: str | None = None) -> None:
        """One step of several."""
        part = self._steps[index]
        if code is None:
            part.answered += 1
            self._step_times[index].append(service)
        else:
            part.failed += 1
            part.errors[code] = part.errors.get(code, 0) + 1

    def has_heap(self) -> bool:
        """Whether it is worth while to count."""
        return len(self._response) >= _HEAP or len(self._lateness) >= _HEAP

    def is_full(self) -> bool:
        """Whether it must count now, idle or not."""
        return len(self._response) >= _MOST_HEAPED or len(self._lateness) >= _MOST_HEAPED

    def count(self) -> None:
        """Counts what has gathered."""
        Histogram.record_each(
            (
                (self._sums["response"], _taken(self._response)),
                (self._sums["service"], _taken(self._service)),
                (self._totals.lateness, _taken(self._lateness)),
            )
        )
        if self._span:
            self._totals.server.record(_taken(self._span))
        for part, times in zip(self._steps, self._step_times, strict=True):
            if times:
                part.service.record(_taken(times))

    def close_second(self) -> SecondPart:
        """Ends the present second; what is noted from now on belongs to the next."""
        self.count()
        number = self._seconds_done
        self._seconds_done += 1
        scheduled = sum(
            self.scheduled_by_second.pop(second)
            for second in [s for s in self.scheduled_by_second if s <= number]
        )
        part = SecondPart(
            start=number,
            scheduled=scheduled,
            sent=self.sent_count,
            late=self.late_count,
            held=self.held_count,
            answered=self._answered_count(),
            errors=dict(self._failed),
            statuses={str(status): count for status, count in self.statuses.items()},
            response=self._sums["response"].sparse(),
            service=self._sums["service"].sparse(),
        )
        self._totals.response.merge(self._sums["response"])
        self._totals.service.merge(self._sums["service"])
        for histogram in self._sums.values():
            histogram.clear()
        self.sent_count = self.late_count = self.held_count = self._failed_with_status = 0
        self._failed.clear()
        self.statuses.clear()
        return part

    @property
    def has_open_counts(self) -> bool:
        """Whether something was noted, or is scheduled, since the last closed second."""
        return bool(
            self.statuses
            or self.sent_count
            or self._failed
            or self._lateness
            or self.scheduled_by_second
        )

    @property
    def next_second(self) -> int:
        """When the present second ends."""
        return self._start + (self._seconds_done + 1) * SECOND

    def _answered_count(self) -> int:
        """Good answers of the present second: each has a status, as some failures have."""
        return self.statuses.total() - self._failed_with_status

    def totals(self) -> PointPart:
        """The sums of all closed seconds."""
        self._totals.steps = self._steps
        return self._totals


# An OVERLOADED one is turned away at once: its no time at all would flatter the target.
_WAITED = frozenset({"TIMEOUT", "UNANSWERED", "CONNECT_TIMEOUT"})


def _taken(values: "array[int]") -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    taken = np.array(values, dtype=np.int64)
    del values[:]
    return taken
