"""What the gateway and the process that works out results say to each other.

Frames of MessagePack, each after its length in four bytes. A question is a frame with a `Question`,
then frames with lists of `TaskRow` and an empty frame after the last one; the same again for the
baseline, when it has one. The answer is a frame with an `Answer` and one with its body.
"""

from datetime import datetime
from typing import BinaryIO, Literal

import msgspec

from tensorfleet.shared.errors import FieldError, InvalidInput, TensorFleetError, error_from_reason

LENGTH_BYTES = 4
# After compression, where the client takes that. The gateway has a few of these in memory at most.
MAX_BODY_BYTES = 64 * 1024 * 1024

Wanted = Literal["json", "csv", "parquet", "png", "svg", "plots"]


class TaskRow(msgspec.Struct, frozen=True, array_like=True):
    """One task of a job."""

    index: int
    state: str
    result_json: str
    worker: str
    ended_at: datetime | None
    message: str


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be made of a job's results."""

    job_id: str
    kind: str
    name: str
    state: str
    is_complete: bool
    spec_json: str
    wanted: Wanted
    plot: str = ""
    """Its name, for a picture."""
    options: dict[str, str] = {}
    has_baseline: bool = False
    may_gzip: bool = False
    """Whether the client takes compressed bodies."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An error of the kind's, to be raised again on the other side."""

    reason: str
    message: str
    fields: list[tuple[str, str]]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What comes before the body."""

    etag: str = ""
    is_gzip: bool = False
    refusal: Refusal | None = None
    failure: str = ""
    """The traceback of what nobody expected."""


def frame_head(length: int) -> bytes:
    """What stands before a frame of so many bytes."""
    return length.to_bytes(LENGTH_BYTES, "big")


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next frame; None at the end of the stream."""
    head = stream.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    length = int.from_bytes(head, "big")
    frame = stream.read(length)
    return frame if len(frame) == length else None


def to_refusal(error: TensorFleetError) -> Refusal:
    """An error as it travels."""
    fields = error.fields if isinstance(error, InvalidInput) else ()
    return Refusal(
        reason=error.reason, message=str(error), fields=[(f.field, f.message) for f in fields]
    )


def from_refusal(refusal: Refusal) -> TensorFleetError:
    """The error that was raised in the other process."""
    fields = tuple(FieldError(field=field, message=text) for field, text in refusal.fields)
    return error_from_reason(refusal.reason, refusal.message, fields)
