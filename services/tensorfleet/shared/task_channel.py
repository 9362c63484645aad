"""What a task's process and its worker say to each other over an inherited socket.

Frames are a four-byte big-endian length and a msgpack map (JSON has no NaN, metrics do). The
process begins with `Hello`; the worker answers `Welcome`. Requests carry an id that the answer
repeats. Both sides ignore fields and messages that they do not know; another `protocol` number is
refused.
"""

import struct
from datetime import datetime
from types import UnionType
from typing import Any, get_args

import msgspec

from tensorfleet.shared.machine_sample import MachineSample

PROTOCOL = 1
MAX_FRAME_BYTES = 4 * 1024 * 1024
MAX_RESULT_BYTES = 1024 * 1024

SOCKET_VARIABLE = "TENSORFLEET_TASK_FD"
DATASETS_VARIABLE = "TENSORFLEET_DATASETS_DIR"
# Which of the job's tasks this is, from 0, and of how many.
INDEX_VARIABLE = "TENSORFLEET_TASK_INDEX"
COUNT_VARIABLE = "TENSORFLEET_TASK_COUNT"
# The address of this machine at which the job's other tasks reach this one.
PEER_HOST_VARIABLE = "TENSORFLEET_PEER_HOST"

MAX_ADDRESS_BYTES = 1024

_LENGTH = struct.Struct(">I")
LENGTH_BYTES = _LENGTH.size


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Any message."""


class Hello(Message, frozen=True, kw_only=True, tag="hello"):
    """Process: here I am."""

    protocol: int


class Heartbeat(Message, frozen=True, kw_only=True, tag="heartbeat"):
    """Process: I live. Sent as often as the `Welcome` wants, by a thread of its own."""


class MetricReport(Message, frozen=True, kw_only=True, tag="metric"):
    """Process: measured values."""

    time_unix: float
    step: int | None
    values: dict[str, float]


class ProgressReport(Message, frozen=True, kw_only=True, tag="progress"):
    """Process: how far it is."""

    time_unix: float
    completed: float
    total: float
    unit: str


class SaveCheckpoint(Message, frozen=True, kw_only=True, tag="save_checkpoint"):
    """Process: keep this file or folder, which does not change until the answer comes."""

    request: int
    step: int
    path: str


class SaveModel(Message, frozen=True, kw_only=True, tag="save_model"):
    """Process: register this folder as a version of a model."""

    request: int
    name: str
    path: str
    signature: dict[str, Any]
    metrics: dict[str, float]


class Meet(Message, frozen=True, kw_only=True, tag="meet"):
    """Process: here I am for the other tasks of the gang; where are they?"""

    request: int
    address: str
    timeout_seconds: float


class AskUsage(Message, frozen=True, kw_only=True, tag="ask_usage"):
    """Process: what did a worker's machine do lately?"""

    request: int
    worker: str
    after: datetime | None
    """Only what came later; aware."""


class ResumePoint(msgspec.Struct, frozen=True, kw_only=True):
    """The checkpoint from which to go on: its step, and the folder with its files."""

    step: int
    path: str


class ResultReport(Message, frozen=True, kw_only=True, tag="result"):
    """Process: what the task gave, a JSON value; kept when the process then ends well."""

    result_json: str


class Welcome(Message, frozen=True, kw_only=True, tag="welcome"):
    """Worker: who you are and what you have."""

    protocol: int
    job_id: str
    task_id: str
    attempt: int
    job_name: str
    params: dict[str, Any]
    datasets: dict[str, str]
    resume_point: ResumePoint | None
    scratch_folder: str
    heartbeat_seconds: float = 0.0
    """How often the worker wants a `Heartbeat`; 0, as from older ones: never."""


class Stop(Message, frozen=True, kw_only=True, tag="stop"):
    """Worker: save what you need and exit soon."""

    reason: str


class Saved(Message, frozen=True, kw_only=True, tag="saved"):
    """Worker: the request is done; the version is 0 where there are none."""

    request: int
    artifact_id: str
    version: int


class Met(Message, frozen=True, kw_only=True, tag="met"):
    """Worker: all have come; their addresses by index."""

    request: int
    addresses: list[str]


class Usage(Message, frozen=True, kw_only=True, tag="usage"):
    """Worker: that is what it did, oldest first."""

    request: int
    samples: list[MachineSample]


class Refused(Message, frozen=True, kw_only=True, tag="refused"):
    """Worker: the request failed, with the reason and message of shared.errors."""

    request: int
    reason: str
    message: str


FromProcess = (
    Hello
    | Heartbeat
    | MetricReport
    | ProgressReport
    | SaveCheckpoint
    | SaveModel
    | ResultReport
    | Meet
    | AskUsage
)
FromWorker = Welcome | Stop | Saved | Met | Usage | Refused

_from_process: msgspec.msgpack.Decoder[FromProcess] = msgspec.msgpack.Decoder(FromProcess)
_from_worker: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(FromWorker)


def encode_frame(message: Message) -> bytes:
    """A message, ready to be written.

    Raises:
        ValueError: It is larger than a frame may be.
    """
    body = msgspec.msgpack.encode(message)
    if len(body) > MAX_FRAME_BYTES:
        raise ValueError(f"a message of {len(body)} bytes is over the limit of {MAX_FRAME_BYTES}")
    return _LENGTH.pack(len(body)) + body


def decode_length(header: bytes) -> int:
    """The length of the body that follows.

    Raises:
        ValueError: It is larger than a frame may be.
    """
    (length,) = _LENGTH.unpack(header)
    if length > MAX_FRAME_BYTES:
        raise ValueError(f"a frame of {length} bytes is over the limit of {MAX_FRAME_BYTES}")
    return int(length)


def decode_from_process(body: bytes) -> FromProcess | None:
    """A message of the process; None for one of a type that only other versions know.

    Raises:
        msgspec.DecodeError: It is no message.
    """
    try:
        return _from_process.decode(body)
    except msgspec.ValidationError:
        if _is_of(body, FromProcess):
            raise
        return None


def decode_from_worker(body: bytes) -> FromWorker | None:
    """A message of the worker; None for one of a type that only other versions know.

    Raises:
        msgspec.DecodeError: It is no message.
    """
    try:
        return _from_worker.decode(body)
    except msgspec.ValidationError:
        if _is_of(body, FromWorker):
            raise
        return None


class _AnyMessage(msgspec.Struct):
    type: str


def _is_of(body: bytes, known: UnionType) -> bool:
    kind = msgspec.msgpack.decode(body, type=_AnyMessage).type
    return kind in {message.__struct_config__.tag for message in get_args(known)}
