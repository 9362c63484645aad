"""Measures one algorithm over sizes: every size in every one of many fresh processes."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tensorfleet.kinds.profile.measurement import (
    Cell,
    Machine,
    Problem,
    Series,
    Usage,
)
from tensorfleet.kinds.profile.measuring.conductor import (
    Conductor,
    Look,
    Subject,
    look_in_order,
    now,
    too_long,
)
from tensorfleet.kinds.profile.measuring.lane_process import LaneFailed, LaneProcess
from tensorfleet.kinds.profile.measuring.machine import DisturbanceWatch
from tensorfleet.kinds.profile.measuring.timing import add_usage
from tensorfleet.kinds.profile.statistics.complexity import Complexity, fit
from tensorfleet.kinds.profile.statistics.summary import process_minima

# Tell(done, total): how far a task is, in measured processes and sizes.
Tell = Callable[[int, int], None]
MAX_EXTENSIONS = 3
# A process that fails where others did not is an accident; more of them are a finding.
MAX_ACCIDENTS = 2
SIGNIFICANT_DIGITS = 6
# A process takes its values of a size at so many moments, the other sizes in between: what slows
# the machine for a while then has not slowed all of them.
VISITS = 6
FEWEST_VALUES_OF_A_VISIT = 2


@dataclass(kw_only=True)
class _SizeRecord:
    size: int
    look: Look | None = None
    processes: list[tuple[float, ...]] = field(default_factory=list)
    usage: Usage | None = None
    disturbance: DisturbanceWatch = field(default_factory=DisturbanceWatch)
    error: Problem | None = None
    accidents: int = 0
    notes: list[Problem] = field(default_factory=list)

    @property
    def is_measured(self) -> bool:
        return self.error is None and self.look is not None

    def cell(self) -> Cell:
        return Cell(
            size=self.size,
            loops=self.look.loops if self.look else 0,
            processes=tuple(self.processes),
            usage=self.usage,
            memory=self.look.memory if self.look else None,
            disturbance=self.disturbance.found if self.processes else None,
            error=self.error,
            notes=(*(self.look.notes if self.look else ()), *self.notes),
        )


def measure_series(
    conductor: Conductor,
    subject: Subject,
    sizes: Sequence[int],
    machine: Machine,
    *,
    code: str,
    check_outputs: bool,
    auto_extend: bool,
    tell: Tell,
) -> Series:
    """All of it.

    Args:
        sizes: Ascending; empty: those that the function declares itself.
        code: The artifact id of the measured code, for the record.
        auto_extend: Whether to add sizes and processes while the complexity class cannot be told.

    Raises:
        LaneFailed: The algorithm cannot be imported.
        Stopped: The fleet wants the task to end.
    """
    began = now()
    ready = conductor.greet(subject)
    measuring = _Measuring(conductor, subject, check_outputs, tell)
    measuring.measure(sizes or ready.algorithm.sizes)
    extensions = 0
    while auto_extend and extensions < MAX_EXTENSIONS and measuring.extend():
        extensions += 1
    return Series(
        algorithm=ready.algorithm,
        code=code,
        input=ready.input,
        seed=subject.seed,
        measuring=conductor.measuring,
        machine=machine,
        cells=tuple(record.cell() for record in measuring.records),
        notes=tuple(measuring.notes),
        started_at=began,
        ended_at=now(),
        is_extended=extensions > 0,
    )


class _Measuring:
    def __init__(
        self, conductor: Conductor, subject: Subject, check_outputs: bool, tell: Tell
    ) -> None:
        self.records: list[_SizeRecord] = []
        self.notes: list[Problem] = []
        self._conductor = conductor
        self._subject = subject
        self._check_outputs = check_outputs
        self._tell = tell
        self._done = self._total = 0
        # Which size comes first in a process is no part of the result's meaning.
        self._order = random.Random(subject.seed)  # noqa: S311

    def measure(self, sizes: Sequence[int]) -> None:
        """Measures further sizes."""
        new = [_SizeRecord(size=size) for size in sorted(sizes)]
        self._total += len(new) * (self._conductor.measuring.processes + 1)
        self.records = sorted((*self.records, *new), key=lambda record: record.size)
        look_in_order(new, self._foresee, self._look_at, self._advance)
        self._run_rounds(new)

    def extend(self) -> bool:
        """Measures what may tell the complexity class; False: it is known, or time is up."""
        found = self._growth()
        if found is None or found.name is not None:
            return False
        if found.needs_processes:
            self._total += len(self.records) * self._conductor.measuring.processes
            self._run_rounds(self.records)
        known = {record.size for record in self.records}
        sizes = [size for size in found.suggested_sizes if size not in known]
        if sizes and not self._conductor.is_time_up:
            self.measure(sizes)
        return bool(sizes) or found.needs_processes

    def _growth(self) -> Complexity | None:
        if self._conductor.is_time_up or any(record.error for record in self.records):
            return None
        measured = [record for record in self.records if record.processes]
        if len(measured) < 2:
            return None
        return fit(
            [(record.size, process_minima(record.processes).tolist()) for record in measured],
            is_least=True,
            limit=self._conductor.measuring.call_seconds,
            max_size=self._subject.algorithm.max_size,
        )

    def _run_rounds(self, records: Sequence[_SizeRecord]) -> None:
        for number in range(self._conductor.measuring.processes):
            ready = [record for record in records if record.is_measured]
            if not ready:
                break
            if number and self._conductor.is_time_up:
                self.notes.append(self._conductor.fewer_processes(number))
                break
            self._run_round(ready)

    def _foresee(self, record: _SizeRecord) -> Problem | None:
        known = [
            (other.size, other.look.seconds)
            for other in self.records
            if other.look is not None and other.error is None and other.size < record.size
        ]
        return too_long(record.size, known, self._conductor.measuring.call_seconds)

    def _look_at(self, record: _SizeRecord) -> None:
        try:
            with self._conductor.lane(self._subject) as (lane, _):
                self._conductor.load(lane, record.size)
                record.look = self._conductor.look(lane, checks_outputs=self._check_outputs)
        except LaneFailed as exc:
            record.error = exc.problem

    def _run_round(self, records: list[_SizeRecord]) -> None:
        left = records
        while left:
            values: dict[int, list[float]] = {record.size: [] for record in left}
            try:
                with self._conductor.lane(self._subject) as (lane, _):
                    for visit in range(VISITS):
                        for record in self._order.sample(left, len(left)):
                            self._visit(lane, record, visit, values[record.size])
            except LaneFailed as exc:
                # That process is lost; another one goes on with what it had not come to.
                values.pop(record.size)
                record.accidents += 1
                record.notes.append(exc.problem)
                if record.accidents > MAX_ACCIDENTS:
                    record.error = exc.problem
            for record in left:
                if taken := values.get(record.size):
                    record.processes.append(tuple(taken))
            left = [record for record in left if values.get(record.size) == []]

    def _visit(
        self, lane: LaneProcess, record: _SizeRecord, visit: int, values: list[float]
    ) -> None:
        assert record.look is not None  # noqa: S101  only what was looked at is measured
        total = self._conductor.value_count(record.look)
        visits = max(1, min(VISITS, total // FEWEST_VALUES_OF_A_VISIT))
        if visit >= visits:
            return
        self._conductor.load(lane, record.size, record.look, is_kept=visits > 1)
        record.disturbance.begin()
        taken = self._conductor.take(
            lane,
            record.look,
            values=len(range(visit, total, visits)),
            warmups=self._conductor.measuring.warmups,
        )
        record.disturbance.end(taken.cpu_seconds)
        values += [rounded(value) for value in taken.values]
        record.usage = add_usage(record.usage, taken.usage)
        if visit == visits - 1:
            self._advance()

    def _advance(self) -> None:
        self._done += 1
        self._tell(min(self._done, self._total), self._total)


def rounded(seconds: float) -> float:
    """As exact as any clock is, and half as long in JSON."""
    return float(f"{seconds:.{SIGNIFICANT_DIGITS}g}")
