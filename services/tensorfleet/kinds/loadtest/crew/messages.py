"""What a crew's leader and its generators say to each other.

Frames are a four-byte big-endian length and a msgpack map.
"""

import asyncio
import struct

import msgspec

from tensorfleet.kinds.loadtest.engine.part import SecondPart
from tensorfleet.kinds.loadtest.listener import LoadOrder

_LENGTH = struct.Struct(">I")
# A histogram has at most 38,912 buckets of 12 bytes, and a step one of them.
_MAX_FRAME_BYTES = 64 * 1024 * 1024


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Any message."""


class Join(Message, frozen=True, kw_only=True, tag="join"):
    """Generator: here I am."""

    token: str
    name: str
    """Machine and number, for reports."""


class Ping(Message, frozen=True, kw_only=True, tag="ping"):
    """Leader: what is your clock?"""


class Pong(Message, frozen=True, kw_only=True, tag="pong"):
    """Generator: this."""

    clock: int


class Setup(Message, frozen=True, kw_only=True, tag="setup"):
    """Leader: what you send, and which share of it."""

    spec: bytes
    """JSON."""
    index: int
    count: int


class Ready(Message, frozen=True, kw_only=True, tag="ready"):
    """Generator: the target is reached."""


class Refused(Message, frozen=True, kw_only=True, tag="refused"):
    """Generator: I cannot; reason and message are those of shared.errors."""

    reason: str
    message: str


class Run(Message, frozen=True, kw_only=True, tag="run"):
    """Leader: run a point."""

    order: LoadOrder
    start: int
    """On the generator's clock."""


class Stop(Message, frozen=True, kw_only=True, tag="stop"):
    """Leader: end the running point soon."""


class Told(Message, frozen=True, kw_only=True, tag="second"):
    """Generator: a second of the running point."""

    part: SecondPart


class StepDone(msgspec.Struct, frozen=True, kw_only=True):
    """One step of several."""

    name: str
    answered: int
    failed: int
    errors: dict[str, int]
    service: bytes


class Done(Message, frozen=True, kw_only=True, tag="done"):
    """Generator: the point has ended. Histograms are `Histogram.sparse` bytes."""

    elapsed: int
    """Nanoseconds from the start to the last answer."""
    cpu_share: float
    notes: dict[str, str]
    response: bytes
    service: bytes
    lateness: bytes
    server: bytes
    steps: list[StepDone]


class Leave(Message, frozen=True, kw_only=True, tag="leave"):
    """Leader: that was all."""


FromLeader = Ping | Setup | Run | Stop | Leave
FromGenerator = Join | Pong | Ready | Refused | Told | Done

_from_leader: msgspec.msgpack.Decoder[FromLeader] = msgspec.msgpack.Decoder(FromLeader)
_from_generator: msgspec.msgpack.Decoder[FromGenerator] = msgspec.msgpack.Decoder(FromGenerator)


def write(writer: asyncio.StreamWriter, message: Message) -> None:
    """Sends a message."""
    body = msgspec.msgpack.encode(message)
    writer.write(_LENGTH.pack(len(body)) + body)


async def read_from_leader(reader: asyncio.StreamReader) -> FromLeader | None:
    """The leader's next message; None at the end.

    Raises:
        msgspec.DecodeError: It is none.
    """
    body = await _read(reader, _MAX_FRAME_BYTES)
    return None if body is None else _from_leader.decode(body)


async def read_from_generator(
    reader: asyncio.StreamReader, max_bytes: int = _MAX_FRAME_BYTES
) -> FromGenerator | None:
    """A generator's next message; None at the end.

    Raises:
        msgspec.DecodeError: It is none.
    """
    body = await _read(reader, max_bytes)
    return None if body is None else _from_generator.decode(body)


async def _read(reader: asyncio.StreamReader, max_bytes: int) -> bytes | None:
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if length > max_bytes:
            raise msgspec.DecodeError(f"a message of {length} bytes is too long")
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
