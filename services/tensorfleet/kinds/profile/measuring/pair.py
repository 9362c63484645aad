"""Compares two algorithms: fresh processes of both side by side, their values interleaved."""

import random
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tensorfleet.kinds.profile.measurement import (
    Comparison,
    Machine,
    PairCell,
    Problem,
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
from tensorfleet.kinds.profile.measuring.series import MAX_ACCIDENTS, Tell, rounded
from tensorfleet.kinds.profile.measuring.timing import add_usage

# What runs side by side: both, and the first once more, which shows how much is noise.
SIDES = ("a", "b", "again")


@dataclass(kw_only=True)
class _PairRecord:
    size: int
    looks: dict[str, Look] = field(default_factory=dict)
    values: dict[str, list[tuple[float, ...]]] = field(
        default_factory=lambda: {side: [] for side in SIDES}
    )
    usage: dict[str, Usage] = field(default_factory=dict)
    disturbance: DisturbanceWatch = field(default_factory=DisturbanceWatch)
    error: Problem | None = None
    accidents: int = 0
    notes: list[Problem] = field(default_factory=list)

    def cell(self) -> PairCell:
        a, b = (self.looks.get(side) for side in ("a", "b"))
        notes = {note.code: note for look in (a, b) if look for note in look.notes}
        return PairCell(
            size=self.size,
            loops_a=a.loops if a else 0,
            loops_b=b.loops if b else 0,
            **{side: tuple(values) for side, values in self.values.items()},
            usage_a=self.usage.get("a"),
            usage_b=self.usage.get("b"),
            memory_a=a.memory if a else None,
            memory_b=b.memory if b else None,
            disturbance=self.disturbance.found if self.values["a"] else None,
            error=self.error,
            notes=(*notes.values(), *self.notes),
        )


def measure_pair(
    conductor: Conductor,
    a: Subject,
    b: Subject,
    sizes: Sequence[int],
    machine: Machine,
    *,
    codes: tuple[str, str],
    check_outputs: bool,
    tell: Tell,
) -> Comparison:
    """All of it. The answers of both are compared before anything is timed.

    Args:
        sizes: Ascending; empty: those that the first function declares itself.
        codes: The artifact ids of both codes, for the record.

    Raises:
        LaneFailed: One of the two cannot be imported.
        Stopped: The fleet wants the task to end.
    """
    began = now()
    ready, ready_b = conductor.greet(a), conductor.greet(b)
    chosen = sorted(sizes or ready.algorithm.sizes)
    subjects = {"a": a, "b": b, "again": a}
    measuring = _Measuring(conductor, subjects, check_outputs, tell)
    measuring.measure(chosen)
    return Comparison(
        a=ready.algorithm,
        b=ready_b.algorithm,
        code_a=codes[0],
        code_b=codes[1],
        input=ready.input,
        seed=a.seed,
        measuring=conductor.measuring,
        machine=machine,
        cells=tuple(record.cell() for record in measuring.records),
        notes=tuple(measuring.notes),
        started_at=began,
        ended_at=now(),
    )


class _Measuring:
    def __init__(
        self, conductor: Conductor, subjects: dict[str, Subject], check_outputs: bool, tell: Tell
    ) -> None:
        self.records: list[_PairRecord] = []
        self.notes: list[Problem] = []
        self._conductor = conductor
        self._subjects = subjects
        self._check_outputs = check_outputs
        self._tell = tell
        self._done = self._total = 0
        self._order = random.Random(subjects["a"].seed)  # noqa: S311

    def measure(self, sizes: Sequence[int]) -> None:
        records = self.records = [_PairRecord(size=size) for size in sizes]
        rounds = self._conductor.measuring.processes
        self._total = len(records) * (rounds + 1)
        look_in_order(records, self._foresee, self._look_at, self._advance)
        for number in range(rounds):
            ready = [record for record in records if record.error is None]
            if not ready:
                break
            if number and self._conductor.is_time_up:
                self.notes.append(self._conductor.fewer_processes(number))
                break
            self._run_round(ready)

    def _foresee(self, record: _PairRecord) -> Problem | None:
        smaller = [r for r in self.records if r.size < record.size and r.error is None]
        for side in ("a", "b"):
            known = [(r.size, r.looks[side].seconds) for r in smaller]
            if problem := too_long(record.size, known, self._conductor.measuring.call_seconds):
                return problem
        return None

    def _look_at(self, record: _PairRecord) -> None:
        with tempfile.TemporaryDirectory(prefix="answers-") as folder:
            answer = str(Path(folder) / "answer") if self._check_outputs else ""
            try:
                for side in ("a", "b"):
                    with self._conductor.lane(self._subjects[side]) as (lane, _):
                        self._conductor.load(lane, record.size)
                        record.looks[side] = self._conductor.look(
                            lane,
                            checks_outputs=self._check_outputs,
                            save_work=answer if side == "a" else "",
                            same_as=answer if side == "b" else "",
                        )
            except LaneFailed as exc:
                name = self._subjects[side].algorithm.name
                record.error = Problem(
                    code=exc.problem.code, message=f"{name}: {exc.problem.message}"
                )
            else:
                record.looks["again"] = record.looks["a"]

    def _run_round(self, records: list[_PairRecord]) -> None:
        order = self._order.sample(records, len(records))
        while order:
            record = order[-1]
            try:
                with ExitStack() as stack:
                    lanes = {}
                    for side in self._order.sample(SIDES, len(SIDES)):
                        lane, _ = stack.enter_context(self._conductor.lane(self._subjects[side]))
                        lanes[side] = lane
                    while order:
                        record = order[-1]
                        self._take(lanes, record)
                        order.pop()
                        self._advance()
            except LaneFailed as exc:
                # The processes of this round are lost; others go on with the rest.
                if record in order:
                    order.remove(record)
                record.accidents += 1
                record.notes.append(exc.problem)
                if record.accidents > MAX_ACCIDENTS:
                    record.error = exc.problem

    def _take(self, lanes: dict[str, LaneProcess], record: _PairRecord) -> None:
        measuring = self._conductor.measuring
        record.disturbance.begin()
        for side, lane in lanes.items():
            self._conductor.load(lane, record.size, record.looks[side])
        cpu_seconds = 0.0
        values: dict[str, list[float]] = {side: [] for side in SIDES}
        for number in range(self._conductor.value_count(*record.looks.values())):
            # One value of each in turn, so that what is slow for a while is slow for all.
            for side in self._order.sample(SIDES, len(SIDES)):
                taken = self._conductor.take(
                    lanes[side], record.looks[side], 1, 0 if number else measuring.warmups
                )
                values[side].append(rounded(taken.values[0]))
                record.usage[side] = add_usage(record.usage.get(side), taken.usage)
                cpu_seconds += taken.cpu_seconds
        record.disturbance.end(cpu_seconds)
        for side, found in values.items():
            record.values[side].append(tuple(found))

    def _advance(self) -> None:
        self._done += 1
        self._tell(min(self._done, self._total), self._total)
