"""Arrivals as coroutines: for gRPC, and for a user's own cases."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable

from tensorfleet.kinds.loadtest.cases.case import CheckFailed, RequestFailed
from tensorfleet.kinds.loadtest.engine.answer_rules import WrongAnswer
from tensorfleet.kinds.loadtest.engine.driver import Notes
from tensorfleet.kinds.loadtest.engine.http_client import FirstSend, first_send
from tensorfleet.kinds.loadtest.engine.recorder import Recorder

# What a user's case does when it is cancelled must end at some time.
_CANCEL_SECONDS = 5.0
_OVERLOADED = "more arrivals were under way than limits.in_flight allows"


class _Arrival:
    """One that is under way."""

    __slots__ = ("intended", "is_over", "sent")

    def __init__(self, intended: int) -> None:
        self.intended = intended
        self.sent = FirstSend()
        self.is_over = False


class CoroutineDriver(ABC):
    """See Driver; a task an arrival."""

    makes_cycles = True
    step_names: tuple[str, ...] = ()

    def __init__(self, clock: Callable[[], int], most_in_flight: int) -> None:
        self.clock = clock
        self.in_flight = 0
        self._most_in_flight = most_in_flight
        self._load: int | None = None
        self._tell_end: Callable[[], None] | None = None
        self._arrivals: dict[asyncio.Task[None], _Arrival] = {}
        self._notes = Notes()
        self._loop = asyncio.get_running_loop()

    @abstractmethod
    async def open(self) -> None:
        """See Driver."""

    @abstractmethod
    async def arrive(self, number: int, load: int | None, sent: FirstSend) -> str:
        """Runs an arrival; returns the status of its last answer.

        Raises:
            WrongAnswer: It is not what it must be.
            RequestFailed: There is none.
        """

    async def begin(
        self,
        load: int | None,
        recorder: Recorder,
        connections: int,
        ended: Callable[[], None] | None,
    ) -> None:
        """See Driver."""
        del connections
        self._load = load
        self._notes.found.clear()
        self.recorder = recorder
        self._tell_end = ended

    def fire(self, intended: int, number: int) -> bool:
        """See Driver."""
        if self.in_flight >= self._most_in_flight:
            self._notes.add("OVERLOADED", _OVERLOADED)
            self.recorder.failed(intended, 0, self.clock(), "OVERLOADED")
            if self._tell_end is not None:
                self._tell_end()
            return True
        self.in_flight += 1
        arrival = _Arrival(intended)
        task = self._loop.create_task(self._run(arrival, number))
        self._arrivals[task] = arrival
        task.add_done_callback(self._forget)
        return True

    def give_up(self, code: str, message: str) -> None:
        """See Driver."""
        for task, arrival in list(self._arrivals.items()):
            # It is counted now: what a user's case does when it is cancelled takes its own time.
            if not arrival.is_over:
                self._notes.add(code, message)
                self._end(arrival, code)
            task.cancel()

    def notes(self) -> dict[str, str]:
        """See Driver."""
        return self._notes.found

    def transferred(self) -> tuple[int, int]:
        """See Driver."""
        return 0, 0

    async def close(self) -> None:
        """See Driver."""
        for task in list(self._arrivals):
            task.cancel()
        if self._arrivals:
            await asyncio.wait(self._arrivals, timeout=_CANCEL_SECONDS)

    async def _run(self, arrival: _Arrival, number: int) -> None:
        first_send.set(arrival.sent)
        code, status = "", ""
        try:
            status = await self.arrive(number, self._load, arrival.sent)
        except WrongAnswer as exc:
            code, status = exc.code, exc.status
            self._notes.add(code, str(exc))
        except RequestFailed as exc:
            code = exc.code
            self._notes.add(code, str(exc))
        except CheckFailed as exc:
            code, status = "CHECK", "case"
            self._notes.add(code, str(exc))
        except asyncio.CancelledError:
            # Of `give_up` or `close`, unless a case cancels itself.
            code = "CASE_RAISED"
            if not arrival.is_over:
                self._notes.add(code, "CancelledError")
        except Exception as exc:  # noqa: BLE001  a user's case may raise anything
            code = "CASE_RAISED"
            self._notes.add(code, f"{type(exc).__name__}: {exc}")
        if not arrival.is_over:
            self._end(arrival, code, status)

    def _end(self, arrival: _Arrival, code: str, status: str = "") -> None:
        arrival.is_over = True
        now, sent = self.clock(), arrival.sent.time
        if sent:
            self.recorder.sent_count += 1
        if code:
            self.recorder.failed(arrival.intended, sent, now, code, status or None)
        else:
            self.recorder.answered(arrival.intended, sent or now, now, status)
        self.in_flight -= 1
        if self._tell_end is not None:
            self._tell_end()

    def _forget(self, task: asyncio.Task[None]) -> None:
        del self._arrivals[task]
        if not task.cancelled():
            task.result()
