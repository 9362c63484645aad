"""The tests' proxy breaks what it says, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from tests.chaos.proxy import HOST, Direction, Proxy, proxy_to

SOON_SECONDS = 0.2


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers with what it gets."""
    with suppress(ConnectionError):
        while chunk := await reader.read(1024):
            writer.write(chunk)
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    server = await asyncio.start_server(echo, HOST, 0)
    async with server, proxy_to(server.sockets[0].getsockname()[1]) as proxy:
        yield proxy


class Talk:
    """One connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, words: bytes) -> bytes:
        """What comes back for the words."""
        self.writer.write(words)
        async with asyncio.timeout(SOON_SECONDS):
            return await self.reader.readexactly(len(words))


@pytest.fixture
async def talk(proxy: Proxy) -> AsyncIterator[Talk]:
    talk = Talk(*await asyncio.open_connection(HOST, proxy.port))
    assert await talk.ask(b"hello") == b"hello"
    yield talk
    talk.writer.close()


async def test_cut_resets_connections_and_new_ones_work(proxy: Proxy, talk: Talk) -> None:
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        await talk.reader.readexactly(1)
    other = Talk(*await asyncio.open_connection(HOST, proxy.port))
    assert await other.ask(b"again") == b"again"
    other.writer.close()


async def test_refused_connections_are_taken_again_after_healing(proxy: Proxy, talk: Talk) -> None:
    await proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(HOST, proxy.port)
    assert await talk.ask(b"still") == b"still"
    await proxy.heal()
    other = Talk(*await asyncio.open_connection(HOST, proxy.port))
    assert await other.ask(b"again") == b"again"
    other.writer.close()


@pytest.mark.parametrize("direction", Direction)
async def test_stalled_direction_holds_back_until_healed(
    proxy: Proxy, talk: Talk, direction: Direction
) -> None:
    proxy.stall([direction])
    with pytest.raises(TimeoutError):
        await talk.ask(b"held")
    await proxy.heal()
    assert await talk.reader.readexactly(4) == b"held"


async def test_delay_lets_everything_arrive_later(proxy: Proxy, talk: Talk) -> None:
    proxy.delay(2 * SOON_SECONDS, [Direction.FROM_SERVER])
    with pytest.raises(TimeoutError):
        await talk.ask(b"late")
    async with asyncio.timeout(10):
        assert await talk.reader.readexactly(4) == b"late"


async def test_end_of_the_client_reaches_the_server_and_comes_back(talk: Talk) -> None:
    talk.writer.write_eof()
    async with asyncio.timeout(10):
        assert await talk.reader.read() == b""
