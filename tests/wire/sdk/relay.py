"""A TCP relay that tests cut: what networks do to connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class Relay:
    """Passes bytes on to another port, until told otherwise."""

    def __init__(self, target_port: int) -> None:
        self.connection_count = 0
        """How many were taken so far."""
        self.answers_to_lose = 0
        """How many connections are cut as soon as the server answers on them."""
        self.is_refusing = False
        """New connections are cut at once."""
        self.port = 0
        self._target_port = target_port
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Breaks every open connection."""
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connection_count += 1
        if self.is_refusing:
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
            self._writers.add(up_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, up_writer))
                group.create_task(self._pump_answer(up_reader, writer))
        except* OSError:
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _pump_answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        first = await reader.read(65536)
        if first and self.answers_to_lose:
            self.answers_to_lose -= 1
            raise ConnectionResetError
        writer.write(first)
        await _pump(reader, writer)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    raise ConnectionResetError  # ends the other direction, too


@asynccontextmanager
async def relay_to(target_port: int) -> AsyncIterator[Relay]:
    """A running relay."""
    relay = Relay(target_port)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        relay.cut()
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await server.wait_closed()
