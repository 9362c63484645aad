"""Arrivals as coroutines: for gRPC, and for a user's own cases."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable

from tensorfleet.kinds.loadtest.cases.case import CheckFailed, RequestFailed
from tensorfleet.kinds.loadtest.engine.answer_rules import WrongAnswer
from tensorfleet.kinds.loadtest.engine.driver import Notes
from tensorfleet.kinds.loadtest.engine.http_client import FirstSend, first_send
from tensorfleet.kinds.loadtest.engine.recorder import Recorder

_OVERLOADED = "more arrivals were under way than limits.in_flight allows"


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
        self._arrivals: set[asyncio.Task[None]] = set()
        self._ending: tuple[str, str] | None = None
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
        arrival = self._loop.create_task(self._run(intended, number))
        self._arrivals.add(arrival)
        arrival.add_done_callback(self._ended)
        return True

    def give_up(self, code: str, message: str) -> None:
        """See Driver."""
        self._ending = (code, message)
        for arrival in list(self._arrivals):
            arrival.cancel()

    def notes(self) -> dict[str, str]:
        """See Driver."""
        return self._notes.found

    def transferred(self) -> tuple[int, int]:
        """See Driver."""
        return 0, 0

    async def close(self) -> None:
        """See Driver."""
        for arrival in list(self._arrivals):
            arrival.cancel()
        if self._arrivals:
            await asyncio.wait(self._arrivals)

    async def _run(self, intended: int, number: int) -> None:
        sent = FirstSend()
        first_send.set(sent)
        code, status = "", ""
        try:
            status = await self.arrive(number, self._load, sent)
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
            # Only `give_up` and `close` cancel arrivals, and both want them counted.
            code, message = self._ending or ("UNANSWERED", "the run ended before the answer came")
            self._notes.add(code, message)
        except Exception as exc:  # noqa: BLE001  a user's case may raise anything
            code = "CASE_RAISED"
            self._notes.add(code, f"{type(exc).__name__}: {exc}")
        now = self.clock()
        if sent.time:
            self.recorder.sent_count += 1
        if code:
            self.recorder.failed(intended, sent.time, now, code, status or None)
        else:
            self.recorder.answered(intended, sent.time or now, now, status)

    def _ended(self, arrival: asyncio.Task[None]) -> None:
        self._arrivals.discard(arrival)
        self.in_flight -= 1
        if not arrival.cancelled():
            arrival.result()
        if self._tell_end is not None:
            self._tell_end()
