"""What the conductor and a lane say to each other: one JSON message a packet.

A *lane* is a fresh process that measures; the conductor starts it, asks, and may kill it at any
time. Everything that a user's function does happens in a lane.
"""

import msgspec

from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.measurement import Memory, Problem, Usage

MAX_MESSAGE_BYTES = 128 * 1024


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """Any message."""


class SetUp(Message, frozen=True, kw_only=True, tag="set_up"):
    """Conductor: import this."""

    algorithm: Algorithm
    code_folder: str
    """Empty: none."""
    input: str
    """Empty: the algorithm's first."""
    seed: int
    is_gc_enabled: bool
    memory_bytes: int
    """How much the process may allocate after its imports; 0 means any amount."""


class Load(Message, frozen=True, kw_only=True, tag="load"):
    """Conductor: make the input of this size."""

    size: int
    changes_input: bool | None = None
    """Whether the function changes what it is given, as another lane has seen; None: look."""
    is_kept: bool = False
    """Whether it will be wanted again, after others."""


class Check(Message, frozen=True, kw_only=True, tag="check"):
    """Conductor: call the function on the loaded input, twice, and look at what it does."""

    checks_outputs: bool
    """Whether there must be an answer, and the algorithm's reference, if any, the same."""
    save_work: str = ""
    """A file to write input and answer to, for another lane; empty: none."""
    same_as: str = ""
    """A file with the input and the answer that these must equal; empty: none."""


class Calibrate(Message, frozen=True, kw_only=True, tag="calibrate"):
    """Conductor: find how many calls last that long."""

    value_seconds: float


class Take(Message, frozen=True, kw_only=True, tag="take"):
    """Conductor: take values."""

    loops: int
    warmups: int
    values: int


class MeasureMemory(Message, frozen=True, kw_only=True, tag="measure_memory"):
    """Conductor: call it once, and see how far resident memory grows."""


class TraceAllocations(Message, frozen=True, kw_only=True, tag="trace_allocations"):
    """Conductor: call it once under `tracemalloc`."""


class IsSetUp(Message, frozen=True, kw_only=True, tag="is_set_up"):
    """Lane: imported."""

    input: str
    algorithm: Algorithm
    """Completed by what the function's own declaration says."""


class Loaded(Message, frozen=True, kw_only=True, tag="loaded"):
    """Lane: the input is there."""


class Checked(Message, frozen=True, kw_only=True, tag="checked"):
    """Lane: the answer is right, as far as that was asked."""

    changes_input: bool
    is_deterministic: bool
    written_bytes: int
    """What one call wrote: printing, files, sockets."""
    seconds: float
    """Of the quicker call."""


class Calibrated(Message, frozen=True, kw_only=True, tag="calibrated"):
    """Lane: so many calls."""

    loops: int


class Taken(Message, frozen=True, kw_only=True, tag="taken"):
    """Lane: seconds a call, and what all of this lane used for it."""

    values: tuple[float, ...]
    usage: Usage
    cpu_seconds: float
    """Of all that the lane did for this answer: warm-up and fresh inputs, too."""


class MemoryMeasured(Message, frozen=True, kw_only=True, tag="memory_measured"):
    """Lane: the memory of a call."""

    memory: Memory


class AllocationsTraced(Message, frozen=True, kw_only=True, tag="allocations_traced"):
    """Lane: the most that Python's allocators had given out."""

    allocated_bytes: int


class Failed(Message, frozen=True, kw_only=True, tag="failed"):
    """Lane: it could not be done."""

    problem: Problem


Command = SetUp | Load | Check | Calibrate | Take | MeasureMemory | TraceAllocations
Answer = (
    IsSetUp | Loaded | Checked | Calibrated | Taken | MemoryMeasured | AllocationsTraced | Failed
)

_command: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)
_answer: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def encode(message: Message) -> bytes:
    """A message as it is sent."""
    return msgspec.json.encode(message)


def decode_command(packet: bytes) -> Command:
    """What the conductor says."""
    return _command.decode(packet)


def decode_answer(packet: bytes) -> Answer:
    """What a lane says."""
    return _answer.decode(packet)
