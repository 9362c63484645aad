"""The target app, over real sockets."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator

import psutil
import pytest

from tensorfleet.kinds.loadtest.cases.target import listening, serve
from tensorfleet.kinds.loadtest.cases.target_protocol import WorkLine
from tensorfleet.shared.errors import InvalidInput, Unavailable
from tests.deadlines import eventually

PROGRAM = """
import asyncio, sys
from tensorfleet.kinds.loadtest.cases.target import serve
asyncio.run(serve("127.0.0.1", 0, processes=int(sys.argv[1]), ready=lambda p: print(p, flush=True)))
print("stopped cleanly")
"""


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with listening("127.0.0.1", 0) as bound:
        yield bound


class Client:
    """A connection that sends bytes and reads answers one by one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def connected(cls, port: int) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def answer(self, *, has_body: bool = True) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines)
            length = int(headers.get("content-length", 0)) if has_body else 0
            return int(first.split(" ")[1]), headers, await self.reader.readexactly(length)

    async def ask(
        self, path: str, *, method: str = "GET", headers: str = "", body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        self.writer.write(f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode() + body)
        return await self.answer(has_body=method != "HEAD")

    async def is_closed(self) -> bool:
        async with asyncio.timeout(10):
            return await self.reader.read() == b""

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@pytest.fixture
async def client(port: int) -> AsyncIterator[Client]:
    client = await Client.connected(port)
    yield client
    await client.close()


async def test_work_is_done_and_its_span_told(client: Client) -> None:
    status, headers, body = await client.ask("/fibonacci/15")
    assert (status, json.loads(body)) == (200, {"fibonacci": 15, "answer": 610})
    assert headers["server-timing"].startswith("processing;dur=")
    assert float(headers["server-timing"].rpartition("=")[2]) > 0
    assert (await client.ask("/bubble-sort/4?x=1"))[0] == 200


async def test_connection_is_kept_for_many_requests(client: Client) -> None:
    for path in ("/ok", "/health", "/ok", "/sleep/1", "/nowhere", "/ok"):
        status, _, _ = await client.ask(path)
        assert status == (404 if path == "/nowhere" else 200)


@pytest.mark.parametrize("path", ["/fibonacci/99", "/fibonacci/", "/bubble-sort/x", "/sleep/-1"])
async def test_too_much_work_is_refused(client: Client, path: str) -> None:
    status, _, body = await client.ask(path)
    assert status == 400
    assert "from 0 to" in json.loads(body)["error"]
    assert (await client.ask("/ok"))[0] == 200


async def test_pipelined_requests_are_answered_in_their_order(client: Client) -> None:
    paths = ["/sleep/20", "/fibonacci/5", "/ok", "/queue/1", "/health"]
    client.writer.write(b"".join(f"GET {p} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for p in paths))
    bodies = [(await client.answer())[2] for _ in paths]
    assert bodies == [b"{}", b'{"fibonacci":5,"answer":5}', b"ok", b"{}", b'{"status":"ok"}']


async def test_request_that_comes_during_another_waits_its_turn(port: int, client: Client) -> None:
    client.writer.write(b"GET /sleep/300 HTTP/1.1\r\nHost: x\r\n\r\n")
    other = await Client.connected(port)
    assert (await other.ask("/ok"))[0] == 200
    client.writer.write(b"GET /ok HTTP/1.1\r\nHost: x\r\n\r\n")
    assert [(await client.answer())[2] for _ in range(2)] == [b"{}", b"ok"]
    await other.close()


async def test_request_may_come_in_pieces(client: Client) -> None:
    for byte in b"GET /ok HTTP/1.1\r\nHost: x\r\n\r\n":
        client.writer.write(bytes([byte]))
        await client.writer.drain()
    assert (await client.answer())[0] == 200


async def test_bodies_are_read_and_dropped(client: Client) -> None:
    body = b"GET /fibonacci/3 HTTP/1.1\r\n\r\n" * 20_000
    length = f"Content-Length: {len(body)}\r\n"
    assert (await client.ask("/ok", method="POST", headers=length, body=body))[2] == b"ok"
    assert (await client.ask("/health"))[2] == b'{"status":"ok"}'


async def test_login_gives_the_token_that_orders_need(client: Client) -> None:
    assert (await client.ask("/orders"))[0] == 401
    _, _, body = await client.ask("/login", method="POST", headers="Content-Length: 0\r\n")
    bearer = f"Authorization: Bearer {json.loads(body)['token']}\r\n"
    status, _, body = await client.ask("/orders", headers=bearer)
    assert (status, len(json.loads(body)["orders"])) == (200, 2)


async def test_head_has_no_body_and_close_closes(client: Client) -> None:
    status, headers, _ = await client.ask("/health", method="HEAD")
    assert (status, headers["content-length"]) == (200, "15")
    status, headers, _ = await client.ask("/ok", headers="Connection: close\r\n")
    assert (status, headers["connection"]) == (200, "close")
    assert await client.is_closed()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\xff\xfe\r\n\r\n", 400),
        (b"GET /ok HTTP/1.1\r\nContent-Length: many\r\n\r\n", 400),
        (b"GET /ok HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 413),
        (b"POST /ok HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST /ok HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"BREW /ok HTTP/1.1\r\n\r\n", 405),
        (b"GET /ok HTTP/1.1\r\nX: " + b"x" * 40_000, 431),
    ],
)
async def test_garbage_is_refused_and_the_connection_closed(
    client: Client, request_bytes: bytes, status: int
) -> None:
    client.writer.write(request_bytes)
    answered, _, body = await client.answer()
    assert answered == status
    assert json.loads(body)["error"]
    if status != 405:
        client.writer.close()


async def test_pauses_of_a_queue_follow_one_another() -> None:
    line, order, done = WorkLine(), [], asyncio.Event()
    line.add_pause(0.02, lambda: order.append("long"))
    line.add_pause(0.001, lambda: order.append("short"))
    line.add_pause(0.001, done.set)
    async with asyncio.timeout(10):
        await done.wait()
    assert order == ["long", "short"]


async def test_work_of_clients_that_left_is_not_done(port: int) -> None:
    leaving = [await Client.connected(port) for _ in range(50)]
    for client in leaving:
        client.writer.write(b"GET /fibonacci/36 HTTP/1.1\r\nHost: x\r\n\r\n")
        client.writer.transport.abort()
    staying = await Client.connected(port)
    # Fifty times some seconds, if it were done.
    assert (await staying.ask("/fibonacci/1"))[0] == 200
    await staying.close()


async def test_port_that_is_taken_or_none_is_told(port: int) -> None:
    with pytest.raises(Unavailable, match=f"cannot listen on 127.0.0.1:{port}"):
        async with listening("127.0.0.1", port):
            pass
    with pytest.raises(InvalidInput):
        async with listening("127.0.0.1", 70_000):
            pass
    with pytest.raises(InvalidInput):
        await serve("127.0.0.1", 0, processes=0)


@pytest.mark.parametrize(("processes", "number"), [(1, signal.SIGINT), (2, signal.SIGTERM)])
async def test_signal_stops_every_process_cleanly(processes: int, number: signal.Signals) -> None:
    target = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(processes), stdout=subprocess.PIPE
    )
    assert target.stdout is not None
    try:
        async with asyncio.timeout(30):
            port = int(await target.stdout.readline())
            client = await Client.connected(port)
            assert (await client.ask("/ok"))[0] == 200
            target.send_signal(number)
            assert await target.stdout.readline() == b"stopped cleanly\n"
            assert await target.wait() == 0
            assert await client.is_closed()
            await client.close()
    finally:
        if target.returncode is None:
            target.kill()
            await target.wait()
    with pytest.raises(OSError, match="Connect call failed"):
        await Client.connected(port)


async def test_lost_process_ends_the_target() -> None:
    ports: list[int] = []
    serving = asyncio.ensure_future(serve("127.0.0.1", 0, processes=2, ready=ports.append))
    await eventually(lambda: bool(ports), timeout_seconds=30)
    (sibling,) = [
        child
        for child in psutil.Process().children()
        if "tensorfleet.kinds.loadtest.cases.target_process" in child.cmdline()
    ]
    sibling.kill()
    with pytest.raises(Unavailable, match="has ended"):
        await serving
