"""The closed loop: so many users, each of whom asks again only when the answer has come.

Its times leave out what an overloaded service keeps its users from asking ("coordinated omission",
see docs/loadtest.md); it is there to compare with tools that know no other.
"""

import asyncio
from collections.abc import Callable

from tensorfleet.kinds.loadtest.arrivals import Closed
from tensorfleet.kinds.loadtest.engine.recorder import SECOND, Recorder


class ClosedLoop:
    """Users who ask in turn."""

    def __init__(
        self,
        users: int,
        closed: Closed,
        start: int,
        clock: Callable[[], int],
        fire: Callable[[int, int], bool],
        recorder: Recorder,
        *,
        index: int,
        count: int,
    ) -> None:
        """
        Args:
            users: This generator's.
            index: Of this generator among `count`.
        """
        self._users = users
        self._think = closed.think_seconds
        self._start = start
        self._end = start + int(closed.duration_seconds * SECOND)
        self._clock = clock
        self._fire = fire
        self._recorder = recorder
        self._number = index
        self._number_step = count
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()

    async def run(self) -> None:
        """Ends when the duration is over, or after `stop`."""
        for _ in range(self._users):
            self._ask()
        timer = self._loop.call_later((self._end - self._clock()) / SECOND, self.stop)
        try:
            await self._ended
        finally:
            timer.cancel()

    def stop(self) -> None:
        """Nobody asks again."""
        if not self._ended.done():
            self._ended.set_result(None)

    def has_answer(self) -> None:
        """One of the users has an answer, or a failure."""
        if self._ended.done():
            return
        if self._think > 0:
            self._loop.call_later(self._think, self._ask)
        else:
            # Not here and now: a failure at once would come back for ever.
            self._loop.call_soon(self._ask)

    def _ask(self) -> None:
        now = self._clock()
        if self._ended.done() or now >= self._end:
            return
        recorder = self._recorder
        recorder.scheduled_by_second[(now - self._start) // SECOND] += 1
        recorder.came_to(0)
        if not self._fire(now, self._number):
            recorder.held_count += 1
        self._number += self._number_step
        if recorder.has_heap():
            recorder.count()
