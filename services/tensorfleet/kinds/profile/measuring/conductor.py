"""What series and comparisons have in common: lanes, their first look at each size, and time."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import log
from pathlib import Path
from typing import Protocol, TypeVar

from msgspec.structs import replace

from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.measurement import Measuring, Memory, Problem
from tensorfleet.kinds.profile.measuring import messages
from tensorfleet.kinds.profile.measuring.lane_process import (
    SET_UP_SECONDS,
    LaneFailed,
    LaneProcess,
)

# The conductor itself has some, and the worker would end the whole task at the limit.
CONDUCTOR_BYTES = 128 * 1024 * 1024
# Making an input or a reference may take longer than the call itself.
PREPARATION_SECONDS = 60.0
# tracemalloc slows what allocates much, tenfold and more.
MAX_TRACED_SECONDS = 2.0
# What a size is timed for in a process, as far as a few values allow.
VALUES_SECONDS = 0.2
FEWEST_VALUES = 3
# Codes that larger sizes would only meet again.
GROWING_TROUBLES = {"TIMEOUT", "OUT_OF_MEMORY", "TOO_LONG", "PROCESS_DIED"}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One algorithm on one kind of input, and where its code lies."""

    algorithm: Algorithm
    code_folder: Path | None
    input: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class Look:
    """What the first process found out about a size."""

    loops: int
    seconds: float
    """Of one call."""
    changes_input: bool
    memory: Memory
    notes: tuple[Problem, ...]


@dataclass(kw_only=True)
class Conductor:
    """Starts lanes under the limits of one task."""

    measuring: Measuring
    memory_bytes: int = 0
    """Of the whole task; 0 means any amount."""
    cpu: int | None = None
    """The only one that lanes may run on; None: any."""
    should_stop: Callable[[], bool] = lambda: False
    began: float = field(default_factory=time.monotonic)

    @contextmanager
    def lane(self, subject: Subject) -> Iterator[tuple[LaneProcess, messages.IsSetUp]]:
        """A fresh process that has imported the algorithm.

        Raises:
            LaneFailed: It cannot import it.
            Stopped: The fleet wants the task to end.
        """
        allowed = max(0, self.memory_bytes - CONDUCTOR_BYTES)
        with LaneProcess(
            memory_bytes=allowed, cpu=self.cpu, should_stop=self.should_stop
        ) as process:
            ready = process.ask(
                messages.SetUp(
                    algorithm=subject.algorithm,
                    code_folder=str(subject.code_folder or ""),
                    input=subject.input,
                    seed=subject.seed,
                    is_gc_enabled=self.measuring.gc == "enabled",
                    memory_bytes=allowed,
                ),
                messages.IsSetUp,
                SET_UP_SECONDS,
            )
            yield process, ready

    def greet(self, subject: Subject) -> messages.IsSetUp:
        """What a first process says of the algorithm.

        Raises:
            LaneFailed: It cannot import it.
            Stopped: The fleet wants the task to end.
        """
        with self.lane(subject) as (_, ready):
            return ready

    def load(
        self, lane: LaneProcess, size: int, look: Look | None = None, *, is_kept: bool = False
    ) -> None:
        """Lets a lane make the input of a size; with what a first look at it has found.

        Args:
            is_kept: Whether it will be wanted again: small ones are not made anew then.

        Raises:
            LaneFailed: It cannot.
        """
        try:
            lane.ask(
                messages.Load(
                    size=size,
                    changes_input=look.changes_input if look else None,
                    is_kept=is_kept,
                ),
                messages.Loaded,
                PREPARATION_SECONDS + self.measuring.call_seconds,
            )
        except LaneFailed as exc:
            text = f"making the input of size {size:,}: {exc.problem.message}"
            raise LaneFailed(Problem(code=exc.problem.code, message=text)) from exc

    def look(
        self, lane: LaneProcess, *, checks_outputs: bool, save_work: str = "", same_as: str = ""
    ) -> Look:
        """Checks the function on the loaded input, and finds how often to call it for a value.

        The lane has called nothing yet: what a call needs of memory shows in a fresh process only.

        Raises:
            LaneFailed: What it does cannot be measured; the problem says why.
        """
        measuring = self.measuring
        memory = lane.ask(
            messages.MeasureMemory(), messages.MemoryMeasured, measuring.call_seconds
        ).memory
        checked = lane.ask(
            messages.Check(checks_outputs=checks_outputs, save_work=save_work, same_as=same_as),
            messages.Checked,
            2 * measuring.call_seconds + PREPARATION_SECONDS * checks_outputs,
        )
        if checked.seconds >= measuring.value_seconds:
            loops = 1
        else:
            loops = lane.ask(
                messages.Calibrate(value_seconds=measuring.value_seconds),
                messages.Calibrated,
                PREPARATION_SECONDS + 40 * measuring.value_seconds,
            ).loops
        if checked.seconds <= MAX_TRACED_SECONDS:
            traced = lane.ask(
                messages.TraceAllocations(),
                messages.AllocationsTraced,
                PREPARATION_SECONDS + measuring.call_seconds,
            )
            memory = replace(memory, allocated_bytes=traced.allocated_bytes)
        return Look(
            loops=loops,
            seconds=checked.seconds,
            changes_input=checked.changes_input,
            memory=memory,
            notes=tuple(_notes(checked)),
        )

    def take(self, lane: LaneProcess, look: Look, values: int, warmups: int) -> messages.Taken:
        """Takes values of the loaded input.

        Raises:
            LaneFailed: It failed this time.
        """
        measuring = self.measuring
        patience = measuring.call_seconds * look.loops * (values + warmups) + PREPARATION_SECONDS
        return lane.ask(
            messages.Take(loops=look.loops, warmups=warmups, values=values),
            messages.Taken,
            min(patience, PREPARATION_SECONDS + 100 * max(measuring.call_seconds, 1.0)),
        )

    def value_count(self, *looks: Look) -> int:
        """How many values to take: fewer where one lasts long, as it has seen more itself."""
        longest = max(look.seconds * look.loops for look in looks)
        fitting = int(VALUES_SECONDS / max(longest, 1e-9))
        return min(self.measuring.values, max(FEWEST_VALUES, fitting))

    @property
    def spent_seconds(self) -> float:
        """How long the task has measured."""
        return time.monotonic() - self.began

    @property
    def is_time_up(self) -> bool:
        """Whether the task should come to its end."""
        return self.spent_seconds > self.measuring.series_seconds

    def fewer_processes(self, count: int) -> Problem:
        """What a result says that stopped at so many processes."""
        return Problem(
            code="FEWER_PROCESSES",
            message=f"after {self.spent_seconds:,.0f} s the task stopped at {count} of "
            f"{self.measuring.processes} processes; raise measuring.series_seconds, or measure "
            "fewer sizes",
        )


class SizeRecord(Protocol):
    """What is gathered of one size, in a series or in a comparison."""

    size: int
    error: Problem | None


R = TypeVar("R", bound=SizeRecord)


def look_in_order(
    records: Sequence[R],
    foresee: Callable[[R], Problem | None],
    look: Callable[[R], None],
    tell: Callable[[], None],
) -> None:
    """Has a first look at sizes, ascending; beyond one that is too much, none is tried.

    Args:
        foresee: Says why a size should not be tried, by those before it.
        look: Looks; what goes wrong becomes the record's error.
        tell: Is called after each.
    """
    trouble: Problem | None = None
    for record in records:
        if trouble is not None:
            message = f"not tried, as a smaller size had trouble: {trouble.message}"
            record.error = Problem(code=trouble.code, message=message)
        else:
            record.error = foresee(record)
        if record.error is None:
            look(record)
        if trouble is None and record.error is not None and record.error.code in GROWING_TROUBLES:
            trouble = record.error
        tell()


def too_long(size: int, known: list[tuple[int, float]], call_seconds: float) -> Problem | None:
    """Why a size is not tried: by the smaller ones, one call would take longer than it may.

    Args:
        known: Sizes with the seconds of one call, ascending.
    """
    if len(known) < 2:
        return None
    (small, quick), (large, slow) = known[-2:]
    # At least linear: a flat start says nothing about what comes.
    ratio = max(slow, 1e-9) / max(quick, 1e-9)
    steps = (size / large) if large > small else 1.0
    power = _log_ratio(ratio, large / small)
    expected = slow * steps ** min(max(power, 0.0), 4.0)
    if expected <= 3 * call_seconds:
        return None
    return Problem(
        code="TOO_LONG",
        message=f"not tried: one call would take about {_duration(expected)}, and "
        f"{_duration(call_seconds)} are allowed; raise measuring.call_seconds, or leave size "
        f"{size:,} out",
    )


def _log_ratio(value: float, base: float) -> float:
    return log(max(value, 1e-12)) / log(base) if base > 1 else 0.0


def _duration(seconds: float) -> str:
    for unit, length in (("years", 31_557_600), ("days", 86_400), ("hours", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:,.3g} {unit}"
    return f"{seconds:.3g} s"


def _notes(checked: messages.Checked) -> Iterator[Problem]:
    if not checked.is_deterministic:
        yield Problem(
            code="NOT_DETERMINISTIC",
            message="two calls with the same input gave different answers; seed what it draws, or "
            "its times are of different work",
        )
    if checked.written_bytes:
        yield Problem(
            code="WRITES",
            message=f"a call writes {checked.written_bytes:,} bytes (printing, files or sockets), "
            "and that is part of its time",
        )


def now() -> str:
    """RFC 3339, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
