"""A point while it runs: parts come in, seconds go out when all generators have told theirs."""

from tensorfleet.kinds.loadtest.arrivals import Closed
from tensorfleet.kinds.loadtest.crew.merging import (
    SecondRows,
    added,
    merged_second,
    merged_steps,
    total_counts,
)
from tensorfleet.kinds.loadtest.crew.messages import Done
from tensorfleet.kinds.loadtest.crew.validity import what_to_know, why_invalid
from tensorfleet.kinds.loadtest.engine.part import SecondPart
from tensorfleet.kinds.loadtest.listener import Listener, LoadOrder
from tensorfleet.kinds.loadtest.record import Generator, Point, Reason

_NANOSECONDS = 1_000_000_000


class PointInProgress:
    """Collects what the generators tell of one point."""

    def __init__(
        self,
        order: LoadOrder,
        names: list[str],
        listener: Listener,
        *,
        start_seconds: float,
        planned_seconds: float,
    ) -> None:
        self.is_interrupted = False
        self._order = order
        self._listener = listener
        self._start_seconds = start_seconds
        self._planned_seconds = planned_seconds
        self._open = set(names)
        self._parts: dict[int, dict[str, SecondPart]] = {}
        self._next_second = 0
        self._rows = SecondRows()
        self._sent = dict.fromkeys(names, 0)
        self._ends: dict[str, Done] = {}
        self._lost: list[str] = []

    def add_second(self, name: str, part: SecondPart) -> None:
        """A generator's second."""
        self._parts.setdefault(part.start, {})[name] = part
        self._sent[name] += part.sent
        self._tell_whole_seconds()

    def add_end(self, name: str, done: Done) -> None:
        """A generator has ended its share."""
        self._ends[name] = done
        self._open.discard(name)
        self._tell_whole_seconds()

    def lose(self, name: str) -> None:
        """A generator is gone."""
        self._lost.append(name)
        self._open.discard(name)
        self._tell_whole_seconds()

    def ended(self) -> Point:
        """The whole point, of those that told its end."""
        ends = list(self._ends.values())
        rows = self._rows.rows()
        counts = total_counts(row.counts for row in rows)
        response = added(end.response for end in ends)
        lateness = added(end.lateness for end in ends)
        reasons = why_invalid(counts, response, lateness, self._planned_seconds)
        reasons += tuple(
            Reason(code="GENERATOR_LOST", message=f"the generator {name} was lost during the run")
            for name in self._lost
        )
        first_messages: dict[str, str] = {}
        for end in ends:
            first_messages = end.notes | first_messages
        elapsed = max((end.elapsed for end in ends), default=0) / _NANOSECONDS
        return Point(
            label=self._order.label,
            phase=self._order.phase,
            load=self._order.load,
            rate=self._order.rate,
            arrivals=self._order.arrivals,
            start_seconds=self._start_seconds,
            duration_seconds=elapsed,
            counts=counts,
            response=response.encode(),
            service=added(end.service for end in ends).encode(),
            server=added(end.server for end in ends).encode(),
            lateness=lateness.encode(),
            steps=merged_steps(ends) if ends else (),
            seconds=rows,
            generators=tuple(self._generator(name, end) for name, end in self._ends.items()),
            is_valid=not reasons,
            reasons=reasons,
            notes=what_to_know(counts, first_messages),
            interrupted=self.is_interrupted,
        )

    def _tell_whole_seconds(self) -> None:
        while self._parts:
            parts = self._parts.get(self._next_second, {})
            if self._open - parts.keys():
                return
            self._parts.pop(self._next_second, None)
            self._next_second += 1
            if parts:
                second = merged_second(list(parts.values()))
                self._rows.add(second)
                self._listener.second(second)

    def _generator(self, name: str, end: Done) -> Generator:
        late = added([end.lateness]).percentile(99.0)
        return Generator(
            name=name,
            cpu_share=end.cpu_share,
            lateness_p99_seconds=late or 0.0,
            sent=self._sent[name],
            waits_busily=not isinstance(self._order.arrivals, Closed),
        )
