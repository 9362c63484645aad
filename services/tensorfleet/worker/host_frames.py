"""What the worker and a task host say to each other: a process that runs many small tasks.

Frames on the inherited socket are a four-byte big-endian length and a msgpack map. Each carries
many tasks: at tens of thousands a second, a frame each would cost more than the tasks. Besides,
both map one small file, in which the host notes what it runs and since when: it can be read when
the host has no time to answer, and after it died.
"""

import struct

import msgspec

MAX_FRAME_BYTES = 64 * 1024 * 1024
# What a task may give back; more belongs into an artifact.
MAX_RESULT_BYTES = 64 * 1024

LENGTH = struct.Struct(">I")
# Number of the task that runs (0: none yet), and its start by CLOCK_MONOTONIC, which every process
# of a machine shares.
PROGRESS = struct.Struct("<Qd")
# Ends the output of one task within a pipe: a secret that only this host has, and the number.
MARK_NUMBER = struct.Struct(">Q")
MARK_TOKEN_BYTES = 16

STDOUT_MARKED = 1
STDERR_MARKED = 2


class HostOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What a host is told at its start, in its order file."""

    progress_file: str
    mark_token: str
    """In hexadecimal."""


class RunTasks(msgspec.Struct, frozen=True, array_like=True, tag="run"):
    """Worker: run these, one after another, after those before."""

    tasks: list[tuple[int, str]]
    """Number and plan of each, the latter in JSON."""


class GiveBack(msgspec.Struct, frozen=True, array_like=True, tag="give_back"):
    """Worker: do not run these, unless you have begun."""

    numbers: list[int]


class HostReady(msgspec.Struct, frozen=True, array_like=True, tag="ready"):
    """Host: started."""


class FailedTask(msgspec.Struct, frozen=True, array_like=True):
    """A task that raised, or whose result cannot be told."""

    number: int
    marks: int
    reason: str
    message: str
    output_tail: list[str]
    exit_code: int | None


class TasksEnded(msgspec.Struct, frozen=True, array_like=True, tag="ended"):
    """Host: these ended, in `busy_seconds` altogether."""

    results: list[tuple[int, int, str]]
    """Of those that went well: number, on which streams a mark follows its output, result."""
    failures: list[FailedTask]
    busy_seconds: float


class GivenBack(msgspec.Struct, frozen=True, array_like=True, tag="given_back"):
    """Host: these did not run and will not."""

    numbers: list[int]


ToHost = RunTasks | GiveBack
FromHost = HostReady | TasksEnded | GivenBack

_to_host: msgspec.msgpack.Decoder[ToHost] = msgspec.msgpack.Decoder(ToHost)
_from_host: msgspec.msgpack.Decoder[FromHost] = msgspec.msgpack.Decoder(FromHost)
_encoder = msgspec.msgpack.Encoder()


def encode_frame(message: ToHost | FromHost) -> bytes:
    """A message, ready to be written."""
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


class FrameBuffer:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """The bodies that are complete with this chunk.

        Raises:
            ValueError: A length that no frame has: somebody else writes to the socket.
        """
        self._bytes += chunk
        bodies = []
        start = 0
        while len(self._bytes) - start >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._bytes, start)
            if length > MAX_FRAME_BYTES:
                raise ValueError(f"a frame of {length} bytes is over {MAX_FRAME_BYTES}")
            end = start + LENGTH.size + length
            if end > len(self._bytes):
                break
            bodies.append(bytes(self._bytes[start + LENGTH.size : end]))
            start = end
        del self._bytes[:start]
        return bodies


def decode_to_host(body: bytes) -> ToHost:
    """A message of the worker."""
    return _to_host.decode(body)


def decode_from_host(body: bytes) -> FromHost:
    """A message of the host.

    Raises:
        msgspec.DecodeError: It is none.
    """
    return _from_host.decode(body)
