"""Watching a worker of the fleet by what it tells of its machine."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from tensorfleet.kinds.loadtest.monitors.grid import moments
from tensorfleet.kinds.loadtest.monitors.source import SampleSink
from tensorfleet.kinds.loadtest.record import Sample
from tensorfleet.shared.errors import TensorFleetError

# Workers send what they gathered every few seconds: asking more often brings nothing sooner.
LEAST_POLL_SECONDS = 1.0


class WorkerUsage(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's machine over one of its intervals."""

    at_unix_seconds: float
    """The interval's end, by the worker's clock."""
    sample: Sample
    """Its `at` is not looked at."""


class UsageReader(Protocol):
    """Reads what workers told of their machines."""

    async def __call__(self, worker: str, after_unix_seconds: float) -> Sequence[WorkerUsage]:
        """What a worker told that is newer, in order of time.

        Raises:
            TensorFleetError: There is no such worker, or the fleet does not answer now.
        """


class WorkerSource:
    """A worker of the fleet.

    Its samples have its interval, and its wall clock: how far that is from ours is not measured,
    so both machines should keep their clocks set (NTP).
    """

    def __init__(
        self,
        worker: str,
        reader: UsageReader,
        *,
        clock: Callable[[], float],
        interval_seconds: float,
        process_names: tuple[str, ...] = (),
        unix_clock: Callable[[], float] = time.time,
    ) -> None:
        self._worker = worker
        self._reader = reader
        self._clock = clock
        self._interval_seconds = max(interval_seconds, LEAST_POLL_SECONDS)
        self._process_names = process_names
        self._unix_clock = unix_clock

    async def watch(self, sink: SampleSink) -> None:
        """Samples until it is cancelled; goes on asking while nothing comes."""
        if self._process_names:
            sink.problem(
                "A worker tells nothing of single processes; watch the machine by `ssh` to see "
                + ", ".join(self._process_names)
                + "."
            )
        # Once only: a wall clock that is set while the load runs would shift what comes after.
        start_unix_seconds = self._unix_clock() - self._clock()
        newest = self._unix_clock()
        async for _ in moments(self._clock, self._interval_seconds):
            try:
                for usage in await self._reader(self._worker, newest):
                    newest = max(newest, usage.at_unix_seconds)
                    sink.cores(len(usage.sample.cores))
                    sink.add(
                        msgspec.structs.replace(
                            usage.sample, at=usage.at_unix_seconds - start_unix_seconds
                        )
                    )
            except TensorFleetError as exc:
                sink.problem(f"The usage of worker {self._worker} cannot be read: {exc}")
            sink.settled()
