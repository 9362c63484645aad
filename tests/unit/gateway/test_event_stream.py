"""Frames of an event stream."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from itertools import count

import pytest

from tensorfleet.gateway.event_stream import event_frames, to_frame
from tensorfleet.orchestrator.v1 import event_pb2
from tensorfleet.shared.errors import Unavailable

HELLO = b"retry: 1000\n\n"


def test_frame_has_number_type_and_json_on_one_line() -> None:
    event = event_pb2.Event(
        sequence=3,
        log=event_pb2.LogLines(stream=event_pb2.LOG_STREAM_STDOUT, lines=["a\nb\r\u2028"]),
    )
    frame = to_frame(event)
    assert frame.startswith(b"id: 3\nevent: log\ndata: {")
    assert frame.endswith(b"}\n\n")
    assert frame.count(b"\n") == 4
    assert b"\r" not in frame


def test_event_of_a_newer_version_only_moves_the_readers_place() -> None:
    assert to_frame(event_pb2.Event(sequence=4)) == b"id: 4\n\n"


async def test_each_batch_is_one_write() -> None:
    async def batches() -> AsyncGenerator[Sequence[event_pb2.Event], None]:
        for n in (1, 3):
            yield [event_pb2.Event(sequence=n), event_pb2.Event(sequence=n + 1)]

    frames = [frame async for frame in event_frames(batches(), 10, asyncio.Event())]
    assert frames == [HELLO, b"id: 1\n\nid: 2\n\n", b"id: 3\n\nid: 4\n\n"]


async def test_source_that_gives_up_ends_the_stream_with_a_word() -> None:
    async def batches() -> AsyncGenerator[Sequence[event_pb2.Event], None]:
        yield [event_pb2.Event(sequence=1)]
        raise Unavailable("gone")

    frames = [frame async for frame in event_frames(batches(), 10, asyncio.Event())]
    assert frames[:2] == [HELLO, b"id: 1\n\n"]
    assert frames[2].startswith(b":")


async def test_reader_that_leaves_closes_the_source() -> None:
    closed = asyncio.Event()

    async def batches() -> AsyncGenerator[Sequence[event_pb2.Event], None]:
        try:
            for n in count(1):
                yield [event_pb2.Event(sequence=n)]
        finally:
            closed.set()

    frames = event_frames(batches(), 10, asyncio.Event())
    assert await anext(frames) == HELLO
    assert await anext(frames) == b"id: 1\n\n"
    await frames.aclose()
    assert closed.is_set()


async def test_cancelled_while_waiting_closes_the_source() -> None:
    closed = asyncio.Event()

    async def batches() -> AsyncGenerator[Sequence[event_pb2.Event], None]:
        try:
            await asyncio.Event().wait()
            yield []
        finally:
            closed.set()

    waiting = asyncio.Event()

    async def read() -> None:
        async for _ in event_frames(batches(), 10, asyncio.Event()):
            waiting.set()

    reader = asyncio.create_task(read())
    await waiting.wait()
    await asyncio.sleep(0)
    reader.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait({reader})
        await closed.wait()
    assert reader.cancelled()


@pytest.mark.parametrize("turns", range(6))
async def test_reader_that_leaves_while_events_come_closes_the_source(turns: int) -> None:
    """At whatever turn of the loop between the arrival of a batch and its frames."""
    arrives, closed = asyncio.Event(), asyncio.Event()

    async def batches() -> AsyncGenerator[Sequence[event_pb2.Event], None]:
        try:
            await arrives.wait()
            yield [event_pb2.Event(sequence=1)]
            await asyncio.Event().wait()
        finally:
            closed.set()

    source = batches()  # referred to from here: the collector of garbage must not help

    async def read() -> None:
        async for _ in event_frames(source, 10, asyncio.Event()):
            pass

    reader = asyncio.create_task(read())
    for _ in range(5):
        await asyncio.sleep(0)
    arrives.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    reader.cancel()
    async with asyncio.timeout(2):
        await asyncio.wait({reader})
        await closed.wait()
