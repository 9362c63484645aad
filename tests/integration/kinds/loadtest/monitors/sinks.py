"""A source at work, and what it tells."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from tensorfleet.kinds.loadtest.monitors.source import Source
from tensorfleet.kinds.loadtest.record import Sample

INTERVAL_SECONDS = 0.1


class Sink:
    """Keeps what a source tells."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.problems: list[str] = []
        self.core_count = 0
        self.is_settled = False

    def add(self, sample: Sample) -> None:
        self.samples.append(sample)

    def problem(self, text: str) -> None:
        self.problems.append(text)

    def cores(self, count: int) -> None:
        self.core_count = count

    def settled(self) -> None:
        self.is_settled = True

    def has(self, count: int) -> Callable[[], bool]:
        """A claim: so many samples have come."""
        return lambda: len(self.samples) >= count


def running_clock() -> Callable[[], float]:
    """Seconds from now on, as a load test's."""
    start = time.monotonic()
    return lambda: time.monotonic() - start


@asynccontextmanager
async def watching(source: Source) -> AsyncIterator[Sink]:
    """Runs the source beside the block; what it raises comes out."""
    sink = Sink()
    task = asyncio.create_task(source.watch(sink))
    try:
        yield sink
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def assert_is_this_machine(sample: Sample) -> None:
    """Whether it has what any Linux machine tells, and in sensible sizes."""
    assert sample.cpu_user is not None
    assert sample.cpu_system is not None
    assert sample.cpu_idle is not None
    assert sample.cpu_iowait is not None
    assert sample.cpu_steal is not None
    total = (
        sample.cpu_user + sample.cpu_system + sample.cpu_idle + sample.cpu_iowait + sample.cpu_steal
    )
    assert abs(total - 1.0) < 1e-6
    assert len(sample.cores) >= 1
    assert all(0.0 <= core <= 1.0 for core in sample.cores)
    assert sample.memory_used_bytes is not None
    assert sample.memory_total_bytes is not None
    assert 0 < sample.memory_used_bytes < sample.memory_total_bytes
    assert sample.swap_used_bytes is not None
    assert sample.load_average is not None
    assert sample.load_average >= 0.0
