"""A client's WebSocket session, without a connection."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from tensorfleet.gateway.event_socket import Batches, EventSocket
from tensorfleet.gateway.tokens import Tokens
from tensorfleet.gateway.users import Role, User
from tensorfleet.orchestrator.v1 import event_pb2
from tests.deadlines import eventually

TOKENS = Tokens("s" * 32, timedelta(hours=1))
TOKEN = TOKENS.issue(
    User(
        name="u",
        password_hash="",
        role=Role.USER,
        project="p",
        create_time=datetime(2026, 1, 1, tzinfo=UTC),
    )
)


class FakeWire:
    """What the client says stands in a queue; what it is told, in a list."""

    def __init__(self) -> None:
        self.said: asyncio.Queue[str | None] = asyncio.Queue()
        self.told: list[dict[str, Any]] = []
        self.closed: int | None = None
        self.has_room = asyncio.Event()
        self.has_room.set()

    def say(self, **message: Any) -> None:
        self.said.put_nowait(msgspec.json.encode(message).decode())

    async def receive(self) -> str | None:
        return await self.said.get()

    async def send(self, text: str) -> None:
        await self.has_room.wait()
        self.told.append(msgspec.json.decode(text))

    async def close(self, code: int, reason: str) -> None:
        self.closed = code
        self.said.put_nowait(None)


def session(wire: FakeWire, events: Any, **options: Any) -> EventSocket:
    return EventSocket(
        wire, events, TOKENS, stopping=asyncio.Event(), counted=nullcontext, **options
    )


async def no_events(job_id: str, after: int) -> Batches:
    raise AssertionError("nobody may get here without a token")


async def test_client_that_says_nothing_is_closed() -> None:
    wire = FakeWire()
    await session(wire, no_events, authentication_seconds=0.02).run("")
    assert wire.closed == 4401
    assert wire.told[0]["problem"]["code"] == "UNAUTHENTICATED"


async def test_next_batch_is_taken_only_when_the_one_before_is_on_its_way() -> None:
    taken = 0

    async def batches() -> AsyncGenerator[Sequence[event_pb2.Event], None]:
        nonlocal taken
        while True:
            taken += 1
            notice = event_pb2.Notice(reason="R", message="m")
            yield [event_pb2.Event(sequence=taken, notice=notice)]

    async def open_events(job_id: str, after: int) -> Batches:
        return batches()

    wire = FakeWire()
    serving = asyncio.create_task(session(wire, open_events).run(TOKEN))
    await eventually(lambda: len(wire.told) == 1)
    wire.has_room.clear()
    wire.say(type="subscribe", job_id="job-1")
    await eventually(lambda: taken == 1)
    for _ in range(50):
        await asyncio.sleep(0)
    assert taken == 1
    wire.said.put_nowait(None)
    async with asyncio.timeout(5):
        await serving


async def test_subscription_that_breaks_unexpectedly_ends_alone() -> None:
    async def open_events(job_id: str, after: int) -> Batches:
        raise RuntimeError("secret text")

    wire = FakeWire()
    serving = asyncio.create_task(session(wire, open_events).run(TOKEN))
    wire.say(type="subscribe", job_id="job-1", id="a")
    wire.say(type="ping")
    await eventually(lambda: len(wire.told) == 3)
    error = next(message for message in wire.told if message["type"] == "error")
    assert (error["id"], error["problem"]["code"]) == ("a", "INTERNAL")
    assert "secret" not in str(error)
    wire.said.put_nowait(None)
    async with asyncio.timeout(5):
        await serving
