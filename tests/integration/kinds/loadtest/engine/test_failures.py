"""Targets that fail, in every way: each failure has its code, and none disturbs the run."""

import asyncio
import gc
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tensorfleet.kinds.loadtest.arrivals import Constant
from tensorfleet.kinds.loadtest.engine.generator import Generator, Share
from tensorfleet.kinds.loadtest.spec import Step
from tensorfleet.shared.errors import Unavailable
from tests.deadlines import eventually
from tests.integration.kinds.loadtest.engine.points import (
    NOWHERE,
    generating,
    limits,
    point_of,
    run_point,
    spec_of,
)
from tests.integration.kinds.loadtest.servers import (
    Asked,
    Script,
    always,
    answer,
    serving,
    silent,
    then_close,
)

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


async def reset(_asked: Asked, writer: asyncio.StreamWriter) -> None:
    """Closes so that the other side gets a reset."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (then_close(), "CLOSED"),
        (reset, "RESET"),
        (then_close(HEAD[:20]), "TRUNCATED"),
        (then_close(HEAD), "TRUNCATED"),
        (then_close(HEAD + b"half"), "TRUNCATED"),
        (then_close(CHUNKS + b"5\r\nab"), "TRUNCATED"),
        (always(b"SSH-2.0-OpenSSH_9.6\r\n"), "BAD_ANSWER"),
        (always(b"\x00\x01\x02"), "BAD_ANSWER"),
        (always(b"HTTP/1.1 okay\r\n\r\n"), "BAD_ANSWER"),
        (always(b"HTTP/1.1 200 OK\r\nno field\r\n\r\n"), "BAD_ANSWER"),
        (always(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"), "BAD_ANSWER"),
        (always(b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70_000), "BAD_ANSWER"),
        (always(CHUNKS + b"0x5\r\nabcde\r\n0\r\n\r\n"), "BAD_ANSWER"),
        (always(CHUNKS + b"5\r\nabcdefg\r\n0\r\n\r\n"), "BAD_ANSWER"),
        (always(HEAD + b"0123456789 and more"), "BAD_ANSWER"),
        (always(answer(b"x" * 5000)), "BODY_TOO_LARGE"),
        (always(CHUNKS + b"FFFFFFFF\r\n"), "BODY_TOO_LARGE"),
        (then_close(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000), "BODY_TOO_LARGE"),
    ],
)
async def test_each_failure_has_its_code(script: Script, code: str) -> None:
    async with serving(script) as server:
        outcome = await point_of(spec_of(server.url, limits=limits(max_body_bytes=4096)))
    assert outcome.counts.errors == {code: 20}
    assert list(outcome.part.notes) == [code]
    assert outcome.part.response.total == 0, "how soon a target fails says nothing of its speed"


async def test_a_target_that_never_answers_times_out_and_the_wait_counts() -> None:
    async with serving(silent) as server:
        spec = spec_of(server.url, limits=limits(timeout_seconds=0.1))
        outcome = await point_of(spec)
    assert outcome.counts.errors == {"TIMEOUT": 20}
    assert outcome.part.response.total == 20
    assert (outcome.part.response.minimum or 0) >= 0.099


async def test_an_answer_that_drips_without_end_times_out() -> None:
    async def drips(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD)
        while True:
            writer.write(b"")
            await asyncio.sleep(0.01)

    async with serving(drips) as server:
        outcome = await point_of(spec_of(server.url, limits=limits(timeout_seconds=0.1)))
    assert outcome.counts.errors == {"TIMEOUT": 20}


async def test_a_step_has_a_time_limit_of_its_own() -> None:
    async with serving(silent) as server:
        outcome = await point_of(spec_of(server.url, Step(timeout_seconds=0.05)))
    assert outcome.counts.errors == {"TIMEOUT": 20}


async def test_bytes_that_nobody_asked_for_end_the_connection_and_no_request() -> None:
    async def chatty(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(answer())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        writer.write(b"HTTP/1.1 408 Request Timeout\r\n\r\n")

    one = Constant(rate=20.0, duration_seconds=0.05)
    async with serving(chatty) as server:
        spec = spec_of(server.url, limits=limits(connections=1))
        async with generating(spec) as generator:
            assert (await run_point(generator, one)).counts.answered == 1
            await eventually(lambda: server.closed_count == 1)
            assert (await run_point(generator, one)).counts.answered == 1


async def test_a_target_that_dies_and_comes_back_is_used_again() -> None:
    async with serving(always(answer())) as server:
        port = server.port
        generator_context = generating(spec_of(server.url))
        generator = await generator_context.__aenter__()
        first = await run_point(generator)
    down = await run_point(generator)
    async with serving(always(answer()), port=port):
        again = await run_point(generator)
    await generator_context.__aexit__(None, None, None)
    assert first.counts.answered == again.counts.answered == 20
    assert down.counts.errors == {"CONNECT_REFUSED": 20}
    assert down.part.notes == {"CONNECT_REFUSED": "GET /: nothing listens there"}


async def test_a_target_that_is_down_is_told_before_the_run() -> None:
    async with serving(silent) as server:
        target = server.url
    with pytest.raises(Unavailable, match="cannot be reached: nothing listens there"):
        await point_of(spec_of(target))


@pytest.mark.parametrize(
    "host", ["no-such-host.invalid", "a" * 70 + ".invalid", "a..b.invalid", "xn--a.invalid"]
)
async def test_a_host_that_is_not_known_is_told_before_the_run(host: str) -> None:
    with pytest.raises(Unavailable, match="is not known"):
        await point_of(spec_of(f"http://{host}:9/"))


class ThreeAddresses(asyncio.SelectorEventLoop):
    """Knows one host of three addresses; a server listens at one of them."""

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> list[Any]:
        assert host == "three.test"
        addresses = ("127.0.0.2", "127.0.0.1", "127.0.0.3")
        return [(socket.AF_INET, options["type"], 6, "", (each, port)) for each in addresses]


def test_a_host_of_several_addresses_is_used_where_it_listens() -> None:
    async def scenario() -> None:
        async with serving(always(answer())) as server:
            target = f"http://three.test:{server.port}"
            spec = spec_of(target, Step(headers={"Connection": "close"}))
            outcome = await point_of(spec)
        assert outcome.counts.answered == 20
        with pytest.raises(Unavailable, match="nothing listens there"):
            await point_of(spec)

    with asyncio.Runner(loop_factory=ThreeAddresses) as runner:
        runner.run(scenario())


@contextmanager
def garbage() -> Iterator[list[object]]:
    """All that only a collection frees is in the list at the end."""
    found: list[object] = []
    gc.collect()
    thresholds = gc.get_threshold()
    gc.set_threshold(0)
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield found
        gc.collect()
        found += gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.set_threshold(*thresholds)


@pytest.mark.parametrize(
    "data", [b"", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", answer(Connection="close")]
)
async def test_connections_that_end_leave_no_garbage_behind(data: bytes) -> None:
    """Collection is off while a point runs, for hours perhaps."""
    async with serving(then_close(data)) as server, generating(spec_of(server.url)) as generator:
        await run_point(generator)
        with garbage() as found:
            await run_point(generator)
    assert found == []


async def test_connections_that_do_not_open_leave_no_garbage_behind() -> None:
    async with serving(always(answer())) as server:
        generator = await Generator.open(spec_of(server.url), NOWHERE, Share())
    await run_point(generator)
    with garbage() as found:
        down = await run_point(generator)
        itself: list[object] = []
        itself.append(itself)
        del itself
    await generator.close()
    assert down.counts.errors == {"CONNECT_REFUSED": 20}
    assert len(found) == 1, "the list that has itself, and nothing else"
