"""Looks at the worker's machine at whole seconds, and keeps what it saw until it is told."""

import asyncio
import time
from collections import deque

from tensorfleet.orchestrator.v1 import worker_pb2
from tensorfleet.worker.machine_counters import (
    MachineCounters,
    read_counters,
    sample_between,
)

# What waits for the orchestrator; while it is away, the oldest is lost.
MAX_WAITING = 120
# A timer may fire a little early, and would then find the same moment of the grid again.
BEHIND_GRID_SECONDS = 0.0005


class MachineUsage:
    """Samples on a grid: all workers with right clocks look at the same moments."""

    def __init__(self, interval_seconds: float) -> None:
        """Makes it.

        Args:
            interval_seconds: The grid, counted from 1970; 0: never looks.
        """
        self._interval_seconds = interval_seconds
        self._waiting: deque[worker_pb2.MachineSample] = deque(maxlen=MAX_WAITING)
        self._sequence = 0

    def take(self) -> list[worker_pb2.MachineSample]:
        """What was seen since the last call, oldest first."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    async def run(self) -> None:
        """Looks again and again, for ever."""
        if not self._interval_seconds:
            await asyncio.Event().wait()
        _, looked_at, before = await self._look_at_next()
        while True:
            grid_time, now, after = await self._look_at_next()
            sample = sample_between(before, after, now - looked_at)
            looked_at, before = now, after
            self._sequence += 1
            sample.sequence = self._sequence
            sample.time.FromMilliseconds(round(grid_time * 1000))
            self._waiting.append(sample)

    async def _look_at_next(self) -> tuple[float, float, MachineCounters]:
        """The next moment of the grid in Unix time, the look's own moment, and what was seen."""
        interval = self._interval_seconds
        grid_time = (time.time() // interval + 1) * interval
        await asyncio.sleep(grid_time - time.time() + BEHIND_GRID_SECONDS)
        return grid_time, time.monotonic(), await asyncio.to_thread(read_counters)
