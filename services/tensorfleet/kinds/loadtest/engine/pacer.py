"""The open loop: lets each arrival begin at its intended time, whatever became of those before.

Timers of an event loop are a millisecond coarse. So the loop sleeps only while the next arrival is
further away than that, and otherwise looks at the clock again in each of its rounds, which take
some microseconds; that it keeps a core busy is the price of even load.
"""

import asyncio
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from tensorfleet.kinds.loadtest.engine.recorder import LATE_NANOSECONDS, SECOND, Recorder
from tensorfleet.kinds.loadtest.engine.schedule import Offsets

# Nearer than this, timers are too coarse.
_SPIN_NANOSECONDS = 2_000_000
# So many arrivals begin in one round of the loop, before answers are read again.
_MOST_AT_ONCE = 8
# What was due so shortly before a stop need not have begun.
_STOP_NANOSECONDS = 100_000_000
# Enough time to count what has gathered.
_SPARE_NANOSECONDS = 5_000


class Pacer:
    """Walks through intended times."""

    def __init__(
        self,
        pieces: Iterator[tuple[int, Offsets]],
        number_step: int,
        start: int,
        clock: Callable[[], int],
        fire: Callable[[int, int], bool],
        recorder: Recorder,
    ) -> None:
        """
        Args:
            pieces: See `schedule.arrival_offsets`; numbers are `number_step` apart.
            start: When offset 0 is, on the clock, in nanoseconds.
        """
        self._pieces = pieces
        self._number_step = number_step
        self._start = start
        self._clock = clock
        self._fire = fire
        self._recorder = recorder
        self._due: list[int] = []
        self._place = 0
        self._number = 0
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.Handle | None = None
        self._ended: asyncio.Future[None] = self._loop.create_future()
        # Before the start rather than at it.
        self._load_piece()

    async def run(self) -> None:
        """Ends when the last arrival has begun, or after `stop`."""
        self._tick()
        try:
            await self._ended
        finally:
            if self._handle is not None:
                self._handle.cancel()
            self._forget_rest()

    def stop(self) -> None:
        """No further arrival begins."""
        if not self._ended.done():
            self._ended.set_result(None)

    def _tick(self) -> None:
        if self._ended.done():
            return
        try:
            wait = self._fire_due()
        except Exception as exc:  # noqa: BLE001  it is told where `run` is awaited
            self._ended.set_exception(exc)
            return
        if wait is None:
            self.stop()
        elif wait > _SPIN_NANOSECONDS:
            self._handle = self._loop.call_later((wait - _SPIN_NANOSECONDS) / SECOND, self._tick)
        else:
            self._handle = self._loop.call_soon(self._tick)

    def _fire_due(self) -> int | None:
        """Lets due arrivals begin; returns the nanoseconds to the next, None after the last."""
        clock, recorder, fire = self._clock, self._recorder, self._fire
        note_lateness, number_step = recorder.note_lateness, self._number_step
        for _ in range(_MOST_AT_ONCE):
            place = self._place
            if place == len(self._due):
                if not self._load_piece():
                    return None
                place = 0
            intended = self._due[place]
            late = clock() - intended
            if late < 0:
                if (recorder.has_heap() and -late > _SPARE_NANOSECONDS) or recorder.is_full():
                    recorder.count()
                return -late
            number = self._number
            self._place = place + 1
            self._number = number + number_step
            note_lateness(late)
            if late > LATE_NANOSECONDS:
                recorder.late_count += 1
            if not fire(intended, number):
                recorder.held_count += 1
        if recorder.is_full():
            recorder.count()
        return 0

    def _forget_rest(self) -> None:
        """After an early stop: what should have begun has failed; what was not to begin yet was not
        scheduled either."""
        now = self._clock()
        before = now - _STOP_NANOSECONDS
        while self._place < len(self._due) or self._load_piece():
            rest = self._due[self._place :]
            self._place = len(self._due)
            overdue = bisect_right(rest, before)
            later = Counter((intended - self._start) // SECOND for intended in rest[overdue:])
            # Seconds that have been told already keep what they scheduled.
            scheduled = self._recorder.scheduled_by_second
            forgotten = later & scheduled
            self._recorder.scheduled_by_second = scheduled - forgotten
            self._recorder.not_begun(len(rest) - forgotten.total())
            if rest[-1] > now:
                return

    def _load_piece(self) -> bool:
        found = next(self._pieces, None)
        if found is None:
            return False
        self._number, offsets = found
        # They ascend, and are mostly of one second.
        first, last = int(offsets[0]) // SECOND, int(offsets[-1]) // SECOND
        if first == last:
            self._recorder.scheduled_by_second[first] += offsets.size
        else:
            counts = np.bincount(offsets // SECOND - first)
            for second in np.flatnonzero(counts).tolist():
                self._recorder.scheduled_by_second[first + second] += int(counts[second])
        self._due = (offsets + self._start).tolist()
        self._place = 0
        return True
