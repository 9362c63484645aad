"""The leader's end of the line to one generator."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import msgspec

from tensorfleet.kinds.loadtest.crew import messages
from tensorfleet.kinds.loadtest.crew.point_in_progress import PointInProgress
from tensorfleet.kinds.loadtest.listener import LoadOrder
from tensorfleet.shared.errors import Unavailable, error_from_reason

_PINGS = 15
# The target may be slow to be reached; the generator has a time limit of its own for that.
_SET_UP_TIMEOUT_SECONDS = 120.0
_PING_TIMEOUT_SECONDS = 10.0
# A generator that runs tells each second.
_SILENCE_SECONDS = 60.0


class GeneratorLink:
    """One generator."""

    def __init__(
        self, name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.name = name
        self.is_lost = False
        self._reader = reader
        self._writer = writer
        self._clock_ahead = 0

    def tell(self, message: messages.Message) -> None:
        """Sends a message, unless the generator is lost."""
        if not self.is_lost:
            messages.write(self._writer, message)

    async def measure_clock(self, now: Callable[[], int]) -> None:
        """Finds how far the generator's clock is ahead, by the quickest of several round trips.

        The error is at most half of that trip (D. L. Mills, RFC 5905, section 8).

        Raises:
            Unavailable: It is lost.
        """
        quickest: int | None = None
        for _ in range(_PINGS):
            sent = now()
            self.tell(messages.Ping())
            answer = await self._next(_PING_TIMEOUT_SECONDS)
            back = now()
            if isinstance(answer, messages.Pong) and (quickest is None or back - sent < quickest):
                quickest = back - sent
                self._clock_ahead = answer.clock - (sent + back) // 2

    async def set_up(self, spec: bytes, index: int, count: int) -> None:
        """Lets it reach the target.

        Raises:
            TensorFleetError: It cannot.
        """
        self.tell(messages.Setup(spec=spec, index=index, count=count))
        answer = await self._next(_SET_UP_TIMEOUT_SECONDS)
        if isinstance(answer, messages.Refused):
            raise error_from_reason(answer.reason, answer.message)

    async def run(self, order: LoadOrder, start: int, point: PointInProgress) -> None:
        """Runs its share of a point, and adds what it tells to it.

        Args:
            start: On the leader's clock.

        Raises:
            TensorFleetError: It cannot run this point.
        """
        self.tell(messages.Run(order=order, start=start + self._clock_ahead))
        if point.is_interrupted:  # before it could be told
            self.tell(messages.Stop())
        while True:
            try:
                message = await self._next(_SILENCE_SECONDS)
            except Unavailable:
                point.lose(self.name)
                return
            match message:
                case messages.Told():
                    point.add_second(self.name, message.part)
                case messages.Done():
                    point.add_end(self.name, message)
                    return
                case messages.Refused():
                    raise error_from_reason(message.reason, message.message)

    def leave(self) -> None:
        """Sends it home."""
        self.tell(messages.Leave())
        self._writer.close()

    async def _next(self, timeout_seconds: float) -> messages.FromGenerator:
        message: messages.FromGenerator | None = None
        with suppress(msgspec.DecodeError, TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                message = await messages.read_from_generator(self._reader)
        if message is None:
            self.is_lost = True
            self._writer.close()
            raise Unavailable(f"the generator {self.name} was lost")
        return message
