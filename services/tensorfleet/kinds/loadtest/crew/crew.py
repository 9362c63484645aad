"""Several generators as one: started on one clock, merged exactly."""

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from tensorfleet.kinds.loadtest.crew import messages
from tensorfleet.kinds.loadtest.crew.generator_link import GeneratorLink
from tensorfleet.kinds.loadtest.crew.point_in_progress import PointInProgress
from tensorfleet.kinds.loadtest.engine.schedule import duration_seconds
from tensorfleet.kinds.loadtest.listener import Listener, LoadOrder
from tensorfleet.kinds.loadtest.record import Point
from tensorfleet.kinds.loadtest.spec import Spec
from tensorfleet.shared.errors import TensorFleetError, Unavailable

NANOSECONDS = 1_000_000_000
# From the order to the first arrival: enough to open connections.
_LEAD_SECONDS = 0.25
# What a stranger may send before it has said the token.
_MAX_JOIN_BYTES = 4096
_JOIN_SECONDS = 30.0


class Crew:
    """See LoadRunner. Generators join it at `host` and `port`, with the token."""

    def __init__(self, spec: Spec, folder: Path, clock: Callable[[], int] | None = None) -> None:
        self._spec = spec
        self._folder = folder
        self._now = clock or time.monotonic_ns
        self._start = self._now()
        self.token = secrets.token_hex(16)
        self.host = ""
        self.port = 0
        self._server: asyncio.Server | None = None
        self._links: list[GeneratorLink] = []
        self._joined = asyncio.Condition()
        self._running: PointInProgress | None = None
        self._strangers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def listen(self, host: str) -> None:
        """Lets generators join.

        Raises:
            OSError: There is no such address here.
        """
        self._server = await asyncio.start_server(self._greet, host, 0)
        self.host, self.port = self._server.sockets[0].getsockname()[:2]

    async def gather(self, count: int, timeout_seconds: float) -> None:
        """Waits until so many have joined, sets their clocks right and lets them reach the target.

        Raises:
            Unavailable: They do not come, or cannot reach the target.
            TensorFleetError: They cannot do what the spec wants.
        """
        try:
            async with asyncio.timeout(timeout_seconds), self._joined:
                await self._joined.wait_for(lambda: len(self._links) >= count)
        except TimeoutError as exc:
            message = f"{len(self._links)} of {count} generators have come"
            raise Unavailable(f"{message} within {timeout_seconds:g} s") from exc
        self._links.sort(key=lambda link: link.name)
        spec = msgspec.json.encode(self._spec)
        await _all(link.measure_clock(self._now) for link in self._links)
        await _all(link.set_up(spec, index, count) for index, link in enumerate(self._links))

    def clock(self) -> float:
        """See LoadRunner."""
        return (self._now() - self._start) / NANOSECONDS

    def stop(self) -> None:
        """See LoadRunner."""
        if self._running is not None:
            self._running.is_interrupted = True
            for link in self._links:
                link.tell(messages.Stop())

    async def run(self, order: LoadOrder, listener: Listener) -> Point:
        """See LoadRunner."""
        lost = [link.name for link in self._links if link.is_lost]
        if lost:
            raise Unavailable(f"the generator {lost[0]} was lost; start the load test again")
        planned = duration_seconds(order.arrivals, self._folder)
        start = self._now() + int(_LEAD_SECONDS * NANOSECONDS)
        point = PointInProgress(
            order,
            [link.name for link in self._links],
            listener,
            start_seconds=(start - self._start) / NANOSECONDS,
            planned_seconds=planned,
        )
        self._running = point
        listener.point_started(order)
        try:
            await _all(link.run(order, start, point) for link in self._links)
        finally:
            self._running = None
        ended = point.ended()
        listener.point_ended(ended)
        return ended

    async def close(self) -> None:
        """Sends the generators home."""
        for link in self._links:
            link.leave()
        for writer in self._strangers.values():
            writer.close()  # which ends their tasks
        if self._strangers:
            await asyncio.wait(self._strangers)
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  the server runs this as one
        self._strangers[task] = writer
        join: messages.FromGenerator | None = None
        try:
            with suppress(msgspec.DecodeError, TimeoutError):
                async with asyncio.timeout(_JOIN_SECONDS):
                    join = await messages.read_from_generator(reader, _MAX_JOIN_BYTES)
        finally:
            del self._strangers[task]
            is_known = isinstance(join, messages.Join) and hmac.compare_digest(
                join.token.encode(), self.token.encode()
            )
            if not is_known:
                writer.close()
        if is_known and isinstance(join, messages.Join):
            async with self._joined:
                self._links.append(GeneratorLink(join.name, reader, writer))
                self._joined.notify_all()


async def _all(doings: Iterable[Coroutine[None, None, None]]) -> None:
    """Does them at the same time; raises what the first that fails does."""
    try:
        async with asyncio.TaskGroup() as group:
            for doing in doings:
                group.create_task(doing)
    except* TensorFleetError as failed:
        # One is as good as another, and a group says nothing to people.
        raise failed.exceptions[0] from None
