"""One process's load: runs its share of points and tells of them."""

import asyncio
import gc
import math
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

from tensorfleet.kinds.loadtest.arrivals import Arrivals, Closed, Constant
from tensorfleet.kinds.loadtest.engine.closed_loop import ClosedLoop
from tensorfleet.kinds.loadtest.engine.driver import Driver
from tensorfleet.kinds.loadtest.engine.drivers import open_driver
from tensorfleet.kinds.loadtest.engine.pacer import Pacer
from tensorfleet.kinds.loadtest.engine.part import PointPart, SecondPart
from tensorfleet.kinds.loadtest.engine.recorder import SECOND, Recorder
from tensorfleet.kinds.loadtest.engine.schedule import arrival_offsets
from tensorfleet.kinds.loadtest.listener import LoadOrder
from tensorfleet.kinds.loadtest.spec import Spec

# Connections to have before the first arrival: as many as arrivals of so long a time.
_WARM_SECONDS = 0.01
_MOST_WARM = 64
_LEAST_RATE = 100.0
# How long a stopped point waits for answers.
_STOP_NANOSECONDS = SECOND
_DRAIN_LOOK_SECONDS = 0.002
# So long after its time limit an unanswered request is seen to be over it.
_OVERDUE_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Which generator of how many this is."""

    index: int = 0
    count: int = 1


class Generator:
    """Makes load with one event loop. `clock` is the machine's monotonic clock in nanoseconds."""

    clock = staticmethod(time.monotonic_ns)

    def __init__(self, spec: Spec, folder: Path, share: Share, driver: Driver) -> None:
        self._spec = spec
        self._folder = folder
        self._share = share
        self._driver = driver
        self._course: Pacer | ClosedLoop | None = None
        self._is_stopped = False
        self._stopped_at = 0
        self._transferred = (0, 0)

    @classmethod
    async def open(cls, spec: Spec, folder: Path, share: Share) -> "Generator":
        """A generator that has reached its target.

        Raises:
            Unavailable: The target cannot be reached.
            InvalidInput: The spec, or a file that it names, is wrong.
        """
        driver = await open_driver(spec, folder, cls.clock, share.count)
        return cls(spec, folder, share, driver)

    def run(
        self, order: LoadOrder, start: int, tell: Callable[[SecondPart], None]
    ) -> Coroutine[None, None, PointPart]:
        """Runs this share of a point.

        Args:
            start: When its first second begins, on the clock.
            tell: Is given each second, soon after its end.

        Raises:
            InvalidInput: A replayed file is wrong.
        """
        # Not in the coroutine, which may begin after a `stop` that is meant for it.
        self._is_stopped = False
        return self._run(order, start, tell)

    def stop(self) -> None:
        """Ends the running point soon: no further arrivals, and a short wait for answers."""
        self._is_stopped = True
        self._stopped_at = self.clock()
        if self._course is not None:
            self._course.stop()

    async def close(self) -> None:
        """Ends all connections."""
        await self._driver.close()

    async def _run(
        self, order: LoadOrder, start: int, tell: Callable[[SecondPart], None]
    ) -> PointPart:
        recorder = Recorder(start, self._driver.step_names)
        course: Pacer | ClosedLoop
        ended: Callable[[], None] | None = None
        if isinstance(order.arrivals, Closed):
            course = self._closed_loop(order.arrivals, start, recorder)
            ended = course.has_answer
        else:
            pieces = arrival_offsets(
                order.arrivals, self._folder, index=self._share.index, count=self._share.count
            )
            course = Pacer(
                pieces, self._share.count, start, self.clock, self._driver.fire, recorder
            )
        await self._driver.begin(order.load, recorder, self._soon(order.arrivals), ended)
        self._course = course
        # Whoever has frozen objects before wants them to stay so.
        was_frozen = gc.get_freeze_count() > 0
        gc.collect()
        gc.freeze()
        if not self._driver.makes_cycles:
            gc.disable()
        cpu_start, wall_start = time.process_time(), time.monotonic()
        seconds = asyncio.create_task(self._tell_seconds(recorder, tell))
        try:
            await self._sleep_until(start)
            if self._is_stopped:
                course.stop()
            await course.run()
            await self._drain()
        finally:
            seconds.cancel()
            await asyncio.wait({seconds})
            gc.enable()
            if not was_frozen:
                gc.unfreeze()
            self._course = None
        if not seconds.cancelled():
            seconds.result()
        while recorder.has_open_counts:
            tell(self._closed_second(recorder))
        part = recorder.totals()
        part.end = max(start, self.clock())  # it may be stopped before its start
        part.cpu_share = (time.process_time() - cpu_start) / (time.monotonic() - wall_start)
        part.notes = dict(self._driver.notes())
        return part

    def _closed_loop(self, closed: Closed, start: int, recorder: Recorder) -> ClosedLoop:
        index, count = self._share.index, self._share.count
        users = closed.users // count + (index < closed.users % count)
        return ClosedLoop(
            users,
            closed,
            start,
            self.clock,
            self._driver.fire,
            recorder,
            index=index,
            count=count,
        )

    def _soon(self, arrivals: Arrivals) -> int:
        """How many connections to open before the first arrival."""
        if isinstance(arrivals, Closed):
            wanted = math.ceil(arrivals.users / self._share.count)
        else:
            rate = arrivals.rate if isinstance(arrivals, Constant) else _LEAST_RATE
            wanted = math.ceil(rate * _WARM_SECONDS / self._share.count)
        return max(1, min(_MOST_WARM, wanted))

    async def _sleep_until(self, start: int) -> None:
        if (left := start - self.clock()) > 0:
            await asyncio.sleep(left / SECOND)

    async def _drain(self) -> None:
        """Waits for answers, no longer than each may take."""
        usual = self._spec.limits.timeout_seconds
        each = [step.timeout_seconds or usual for step in self._spec.steps] or [usual]
        end = self.clock() + int((sum(each) + _OVERDUE_SECONDS) * SECOND)
        while self._driver.in_flight and self.clock() < end:
            if self._is_stopped:
                end = min(end, self._stopped_at + _STOP_NANOSECONDS)
            await asyncio.sleep(_DRAIN_LOOK_SECONDS)
        self._driver.give_up("UNANSWERED", "the run ended before the answer came")

    async def _tell_seconds(self, recorder: Recorder, tell: Callable[[SecondPart], None]) -> None:
        while True:
            await self._sleep_until(recorder.next_second)
            tell(self._closed_second(recorder))

    def _closed_second(self, recorder: Recorder) -> SecondPart:
        part = recorder.close_second()
        sent, received = self._driver.transferred()
        part.sent_bytes = sent - self._transferred[0]
        part.received_bytes = received - self._transferred[1]
        self._transferred = (sent, received)
        return part
