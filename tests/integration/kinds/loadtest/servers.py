"""Small HTTP servers that answer as a test's script says, well or badly."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    connection: int
    """The number of its connection, from 0."""
    place: int
    """How many came before it on this connection."""


Script = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]
"""Writes an answer. A connection that it closes is over."""


@dataclass(kw_only=True)
class ScriptedServer:
    """A running server."""

    port: int = 0
    scheme: str = "http"
    host: str = "127.0.0.1"
    asked: list[Asked] = field(default_factory=list)
    connection_count: int = 0
    closed_count: int = 0

    @property
    def url(self) -> str:
        """As a target."""
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def paths(self) -> list[str]:
        """Of all requests, in the order in which they came."""
        return [asked.path for asked in self.asked]


def answer(body: bytes = b"fine", status: str = "200 OK", **fields: str) -> bytes:
    """The bytes of an answer; underscores in names of fields stand for dashes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def always(data: bytes) -> Script:
    """Answers every request so."""

    async def script(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(data)

    return script


def then_close(data: bytes = b"") -> Script:
    """Answers so, and closes the connection."""

    async def script(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        writer.close()

    return script


async def silent(_asked: Asked, _writer: asyncio.StreamWriter) -> None:
    """Never answers."""


@asynccontextmanager
async def serving(
    script: Script, *, port: int = 0, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[ScriptedServer]:
    """A server in this event loop; at the end all its connections are closed."""
    state = ScriptedServer(scheme="https" if tls else "http", host=host)
    writers: set[asyncio.StreamWriter] = set()
    tasks: set[asyncio.Task[None]] = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        number = state.connection_count
        state.connection_count += 1
        writers.add(writer)
        try:
            place = 0
            while (asked := await _read(reader, number, place)) is not None:
                place += 1
                state.asked.append(asked)
                await script(asked, writer)
                if writer.is_closing():
                    break
        except asyncio.CancelledError:
            pass  # the end of the test; the stream's own callback would complain
        finally:
            state.closed_count += 1
            writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(converse, host, port, ssl=tls, limit=2**20)
    state.port = server.sockets[0].getsockname()[1]
    try:
        yield state
    finally:
        server.close()
        for writer in list(writers):
            writer.transport.abort()
        for task in list(tasks):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await server.wait_closed()


async def _read(reader: asyncio.StreamReader, connection: int, place: int) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        method, path, _ = first.split(" ")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        return None
    return Asked(
        method=method,
        path=path,
        headers=headers,
        body=body,
        connection=connection,
        place=place,
    )
