"""The watch that a spec asks for."""

import asyncio
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from tensorfleet.kinds.loadtest.monitors.watch import MachinesWatch
from tensorfleet.kinds.loadtest.monitors.watch import machines_watch as watch_of_monitors
from tensorfleet.kinds.loadtest.monitors.worker import UsageReader, WorkerUsage
from tensorfleet.kinds.loadtest.record import Sample
from tensorfleet.kinds.loadtest.spec import Spec

_SECRET = re.compile(r"\$\{((?:env|file):[^{}]+)\}")


class TimedSample(Protocol):
    """What a worker told; the rest of it has the names that `Sample` has."""

    @property
    def time(self) -> datetime:
        """The end of its interval, by the worker's clock."""


WorkerUsageCall = Callable[[str, datetime | None], Sequence[TimedSample]]


def machines_watch(
    spec: Spec,
    clock: Callable[[], float],
    folder: Path,
    *,
    secrets: Callable[[str], str],
    worker_usage: WorkerUsageCall | None = None,
) -> MachinesWatch | None:
    """A watch of the spec's monitors; None without any.

    Args:
        folder: Of the configuration or the job's code: what paths are relative to.
        secrets: Gives the secret for "env:NAME" or "file:PATH".
        worker_usage: Reads what a worker of the fleet told after a time; it may block.

    Raises:
        InvalidInput: See `watch.machines_watch`.
    """
    if not spec.monitors:
        return None
    return watch_of_monitors(
        spec.monitors,
        spec.monitor_interval_seconds,
        clock,
        lambda text: _SECRET.sub(lambda found: secrets(found[1]), text),
        None if worker_usage is None else _reader(worker_usage),
        folder,
    )


def _reader(worker_usage: WorkerUsageCall) -> UsageReader:
    async def read(worker: str, after_unix_seconds: float) -> Sequence[WorkerUsage]:
        after = datetime.fromtimestamp(after_unix_seconds, UTC)
        told = await asyncio.to_thread(worker_usage, worker, after)
        return [
            WorkerUsage(at_unix_seconds=sample.time.timestamp(), sample=_sample(sample))
            for sample in told
        ]

    return read


def _sample(told: TimedSample) -> Sample:
    names = (name for name in Sample.__struct_fields__ if name != "at" and hasattr(told, name))
    return Sample(at=0.0, **{name: getattr(told, name) for name in names})
