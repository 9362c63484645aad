"""The worker's side of a task's socket: what counts as a sign of life, and what is understood."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from tensorfleet.orchestrator.v1 import event_pb2
from tensorfleet.shared import task_channel as channel
from tensorfleet.shared.errors import NotAGang, TensorFleetError
from tensorfleet.worker.task_connection import TaskConnection
from tests.deadlines import eventually

WELCOME = channel.Welcome(
    protocol=channel.PROTOCOL,
    job_id="job-1",
    task_id="job-1-0",
    attempt=1,
    job_name="example",
    params={},
    datasets={},
    resume_point=None,
    scratch_folder="/nowhere",
)
PROGRESS = channel.ProgressReport(time_unix=0, completed=1, total=2, unit="")


class Played:
    """The orchestrator's side: takes events only when it may."""

    def __init__(self) -> None:
        self.may_take = asyncio.Event()
        self.may_take.set()
        self.events: list[event_pb2.Event] = []
        self.may_answer = asyncio.Event()
        self.asked: list[channel.Meet] = []
        self.abandoned = 0
        self.refuse_with: TensorFleetError | None = None

    async def add(self, event: event_pb2.Event) -> None:
        await self.may_take.wait()
        self.events.append(event)

    async def save(self, message: Any) -> channel.Saved:
        raise AssertionError("nothing is saved here")

    async def answer(self, message: channel.Meet | channel.AskUsage) -> channel.Message:
        assert isinstance(message, channel.Meet)
        self.asked.append(message)
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.abandoned += 1
            raise
        if self.refuse_with is not None:
            raise self.refuse_with
        return channel.Met(request=message.request, addresses=[message.address])


@asynccontextmanager
async def connected(played: Played) -> AsyncIterator[tuple[TaskConnection, socket.socket]]:
    connection = TaskConnection(WELCOME, played.add, played.save, played.answer)
    ours, theirs = socket.socketpair()
    serving = asyncio.create_task(connection.serve(ours))
    with theirs:
        yield connection, theirs
    await serving


def say(process: socket.socket, message: channel.Message) -> None:
    process.sendall(channel.encode_frame(message))


def say_unknown(process: socket.socket) -> None:
    body = msgspec.msgpack.encode({"type": "from the future", "x": 1})
    process.sendall(len(body).to_bytes(4, "big") + body)


async def test_process_is_judged_by_its_silence_only_after_a_heartbeat() -> None:
    played = Played()
    async with connected(played) as (connection, process):
        say(process, PROGRESS)
        await eventually(lambda: len(played.events) == 1)
        assert not connection.take_silence()
        assert not connection.take_silence()
        say(process, channel.Heartbeat())
        await eventually(connection.take_silence)
        say(process, PROGRESS)
        await eventually(lambda: len(played.events) == 2)
        assert not connection.take_silence()
        assert connection.take_silence()


async def test_process_that_waits_for_the_orchestrator_is_not_silent() -> None:
    played = Played()
    async with connected(played) as (connection, process):
        say(process, channel.Heartbeat())
        await eventually(connection.take_silence)
        played.may_take.clear()
        say(process, PROGRESS)
        await eventually(lambda: not connection.take_silence())
        assert not any(connection.take_silence() for _ in range(5))
        played.may_take.set()
        await eventually(connection.take_silence)


async def test_message_of_another_version_is_passed_over() -> None:
    played = Played()
    async with connected(played) as (_, process):
        say_unknown(process)
        say(process, PROGRESS)
        await eventually(lambda: len(played.events) == 1)


async def test_known_message_with_wrong_fields_ends_the_conversation() -> None:
    played = Played()
    async with connected(played) as (_, process):
        body = msgspec.msgpack.encode({"type": "progress", "completed": "much"})
        process.sendall(len(body).to_bytes(4, "big") + body)
        process.settimeout(5)
        assert await asyncio.to_thread(process.recv, 1) == b""


def hear(process: socket.socket) -> channel.FromWorker | None:
    process.settimeout(5)
    header = process.recv(channel.LENGTH_BYTES, socket.MSG_WAITALL)
    body = process.recv(channel.decode_length(header), socket.MSG_WAITALL)
    return channel.decode_from_worker(body)


async def test_process_that_waits_for_its_peers_is_heard_meanwhile() -> None:
    played = Played()
    async with connected(played) as (_, process):
        say(process, channel.Meet(request=7, address="here:1", timeout_seconds=9))
        say(process, PROGRESS)
        await eventually(lambda: len(played.events) == 1)
        assert [each.request for each in played.asked] == [7]
        played.may_answer.set()
        met = await asyncio.to_thread(hear, process)
        assert met == channel.Met(request=7, addresses=["here:1"])


async def test_meeting_that_is_refused_tells_why() -> None:
    played = Played()
    played.may_answer.set()
    played.refuse_with = NotAGang("ask for a gang")
    async with connected(played) as (_, process):
        say(process, channel.Meet(request=1, address="here:1", timeout_seconds=9))
        refused = await asyncio.to_thread(hear, process)
        assert refused == channel.Refused(request=1, reason="NOT_A_GANG", message="ask for a gang")


async def test_meeting_ends_with_the_process_that_wanted_it() -> None:
    played = Played()
    async with connected(played) as (_, process):
        say(process, channel.Meet(request=1, address="here:1", timeout_seconds=9))
        await eventually(lambda: len(played.asked) == 1)
    assert played.abandoned == 1
