"""A TCP proxy of the tests' own: the network between two members, which a test may break."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from enum import Enum

HOST = "127.0.0.1"
READ_BYTES = 64 * 1024
# A socket that is closed with this sends a reset instead of a polite end.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Direction(Enum):
    """Which way bytes go."""

    TO_SERVER = "to server"
    FROM_SERVER = "from server"


BOTH = frozenset(Direction)


class Proxy:
    """Passes connections on to one server, as long as it is told nothing else.

    What a stalled direction holds back, ends of connections included, arrives once it is healed:
    so does TCP over a network that comes back.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._gates = {direction: asyncio.Event() for direction in Direction}
        self._delays_seconds = dict.fromkeys(Direction, 0.0)
        self.port = 0

    async def open(self) -> None:
        """Listens, at the same port as before when it listened before."""
        if self._listener is None:
            self._listener = await asyncio.start_server(self._serve, HOST, self.port)
            self.port = self._listener.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Refuses new connections; those that stand stay."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def cut(self) -> None:
        """Resets every connection that stands."""
        for writer in self._writers:
            raw = writer.get_extra_info("socket")
            with suppress(OSError):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            writer.transport.abort()
        for connection in self._connections:
            connection.cancel()

    def stall(self, directions: Collection[Direction] = BOTH) -> None:
        """Passes nothing on in these directions; new connections are taken, and are as silent."""
        for direction in directions:
            self._gates[direction].clear()

    def delay(self, seconds: float, directions: Collection[Direction] = BOTH) -> None:
        """Passes everything on later in these directions."""
        for direction in directions:
            self._delays_seconds[direction] = seconds

    async def heal(self) -> None:
        """Passes everything on again, at once, and what was held back first."""
        for direction in Direction:
            self._delays_seconds[direction] = 0.0
            self._gates[direction].set()
        await self.open()

    async def close(self) -> None:
        """Ends everything."""
        await self.refuse()
        self.cut()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self._writers.add(writer)
        with suppress(OSError, asyncio.CancelledError):
            await self._join(reader, writer)
        writer.close()
        self._writers.discard(writer)
        self._connections.discard(task)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(HOST, self._server_port)
        self._writers.add(server_writer)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, server_writer, Direction.TO_SERVER))
                group.create_task(self._pump(server_reader, writer, Direction.FROM_SERVER))
        except* OSError:
            pass  # either side broke it: the other one learns it below
        finally:
            server_writer.close()
            self._writers.discard(server_writer)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        while True:
            chunk = await reader.read(READ_BYTES)
            await self._gates[direction].wait()
            if delay_seconds := self._delays_seconds[direction]:
                await asyncio.sleep(delay_seconds)
            if not chunk:
                writer.write_eof()
                return
            writer.write(chunk)
            await writer.drain()


@asynccontextmanager
async def proxy_to(server_port: int) -> AsyncIterator[Proxy]:
    """A proxy that passes everything on, for as long as the block."""
    proxy = Proxy(server_port)
    await proxy.heal()
    try:
        yield proxy
    finally:
        await proxy.close()
