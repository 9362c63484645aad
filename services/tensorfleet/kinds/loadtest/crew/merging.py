"""From the parts of several generators to one point: counts added, histograms added."""

from collections import Counter
from collections.abc import Iterable, Sequence

from tensorfleet.kinds.loadtest.crew.messages import Done
from tensorfleet.kinds.loadtest.engine.part import SecondPart
from tensorfleet.kinds.loadtest.histogram import Histogram, merged
from tensorfleet.kinds.loadtest.record import Counts, Second, StepRecord

MAX_ROWS = 600
"""Of a point: from twice as many seconds on, a row is two seconds, and so on."""


def merged_second(parts: Sequence[SecondPart]) -> Second:
    """One second of all generators together."""
    errors = _sums(part.errors for part in parts)
    counts = Counts(
        scheduled=sum(part.scheduled for part in parts),
        sent=sum(part.sent for part in parts),
        late=sum(part.late for part in parts),
        held=sum(part.held for part in parts),
        answered=sum(part.answered for part in parts),
        failed=sum(errors.values()),
        errors=errors,
        statuses=_sums(part.statuses for part in parts),
        sent_bytes=sum(part.sent_bytes for part in parts),
        received_bytes=sum(part.received_bytes for part in parts),
    )
    return Second(
        start=parts[0].start,
        counts=counts,
        response=added(part.response for part in parts).encode(),
        service=added(part.service for part in parts).encode(),
    )


def added(sparse: Iterable[bytes]) -> Histogram:
    """The sum of `Histogram.sparse` bytes."""
    total = Histogram()
    for data in sparse:
        total.add_sparse(data)
    return total


def merged_steps(parts: Sequence[Done]) -> tuple[StepRecord, ...]:
    """The steps of all generators together; they have the same ones."""
    return tuple(
        StepRecord(
            name=steps[0].name,
            answered=sum(step.answered for step in steps),
            failed=sum(step.failed for step in steps),
            errors=_sums(step.errors for step in steps),
            service=added(step.service for step in steps).encode(),
        )
        for steps in zip(*(part.steps for part in parts), strict=True)
    )


def total_counts(all_counts: Iterable[Counts]) -> Counts:
    """The sum of counts."""
    counts = list(all_counts)
    return Counts(
        scheduled=sum(c.scheduled for c in counts),
        sent=sum(c.sent for c in counts),
        late=sum(c.late for c in counts),
        held=sum(c.held for c in counts),
        answered=sum(c.answered for c in counts),
        failed=sum(c.failed for c in counts),
        errors=_sums(c.errors for c in counts),
        statuses=_sums(c.statuses for c in counts),
        sent_bytes=sum(c.sent_bytes for c in counts),
        received_bytes=sum(c.received_bytes for c in counts),
    )


class SecondRows:
    """The seconds of a point, in rows whose number is bounded: each stands for more seconds, the
    longer the point runs."""

    def __init__(self, most: int = MAX_ROWS) -> None:
        self._most = most
        self._width = 1
        self._rows: list[Second] = []
        self._gathered: list[Second] = []

    def add(self, second: Second) -> None:
        """The next second."""
        self._gathered.append(second)
        if len(self._gathered) < self._width:
            return
        self._rows.append(joined(self._gathered))
        self._gathered = []
        if len(self._rows) >= 2 * self._most:
            self._width *= 2
            self._rows = [joined(self._rows[i : i + 2]) for i in range(0, len(self._rows), 2)]

    def rows(self) -> tuple[Second, ...]:
        """All of them so far."""
        rest = [joined(self._gathered)] if self._gathered else []
        return (*self._rows, *rest)


def joined(seconds: Sequence[Second]) -> Second:
    """One row for several that follow each other."""
    if len(seconds) == 1:
        return seconds[0]
    return Second(
        start=seconds[0].start,
        seconds=sum(second.seconds for second in seconds),
        counts=total_counts(second.counts for second in seconds),
        response=merged([second.response for second in seconds]).encode(),
        service=merged([second.service for second in seconds]).encode(),
    )


def _sums(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(sorted(total.items()))
