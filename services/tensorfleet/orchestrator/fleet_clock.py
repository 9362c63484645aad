"""One clock for all orchestrators, whatever their machines' clocks say."""

import asyncio
from datetime import datetime, timedelta

import structlog

from tensorfleet.orchestrator.queue.task_queue import TaskQueue
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.errors import Unavailable

LOOK_SECONDS = 10.0
# Less than this is the way of the message, not the clock.
TOLERANCE = timedelta(seconds=0.5)

log = structlog.get_logger(__name__)


class FleetClock:
    """The machine's clock, set right by Redis': delays and backoffs mean the same everywhere."""

    def __init__(self, machine_clock: Clock) -> None:
        self._machine_clock = machine_clock
        self._correction = timedelta(0)

    def __call__(self) -> datetime:
        """Now."""
        return self._machine_clock() + self._correction

    async def set_right(self, queue: TaskQueue) -> None:
        """Compares the clocks once.

        Raises:
            Unavailable: Redis does not answer.
        """
        before = self._machine_clock()
        fleet = await queue.now()
        after = self._machine_clock()
        difference = fleet - (before + (after - before) / 2)
        if abs(difference) < TOLERANCE:
            difference = timedelta(0)
        if abs(difference - self._correction) >= TOLERANCE:
            log.warning("machine's clock is off", by_seconds=round(difference.total_seconds(), 1))
            self._correction = difference

    async def run(self, queue: TaskQueue) -> None:
        """Compares the clocks now and then, for ever."""
        while True:
            try:
                await self.set_right(queue)
            except Unavailable as exc:
                log.warning("clock not compared", problem=str(exc))
            await asyncio.sleep(LOOK_SECONDS)
