"""A job's events as MongoDB documents: consecutive ones together in one block. Pure.

One document for each event would make the database's work, not the fleet's, the limit of how many
tasks can end in a second. A block's `_id` holds its first sequence number, so that of two writers
who both think it is their turn one is refused: the sequence is the job's version.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from tensorfleet.kinds.outcome import OutputType, ProducedOutput
from tensorfleet.orchestrator.event import (
    Event,
    EventDraft,
    JobStateChange,
    LogLines,
    LogStream,
    Metric,
    Notice,
    Payload,
    Progress,
    TaskStateChange,
)
from tensorfleet.orchestrator.failure import Failure
from tensorfleet.orchestrator.job import JobState
from tensorfleet.orchestrator.task import TaskState
from tensorfleet.shared.ids import JobId
from tensorfleet.shared.mongo import Document

# A document may have 16 MiB; readers should not have to decode much more than they asked for.
MAX_BLOCK_EVENTS = 1_000
MAX_BLOCK_BYTES = 2 * 1024 * 1024

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode

Row = tuple[float, str, int, int, str, tuple[Any, ...]]
"""Time in seconds, task id, attempt, source sequence, type, payload."""


def event_blocks(
    job_id: JobId,
    after_sequence: int,
    total_bytes: int,
    drafts: Sequence[EventDraft],
    now: datetime,
) -> list[Document]:
    """Documents for drafts that follow a sequence number.

    Args:
        job_id: Whose events they are.
        after_sequence: The last number that is taken.
        total_bytes: The size of everything before.
        drafts: What happened, in order.
        now: From when on they grow old; a task's machine may believe that it is 1970.
    """
    blocks = []
    first = after_sequence + 1
    for rows in _chunks([_encode(_to_row(draft)) for draft in drafts]):
        body = b"".join(rows)
        total_bytes += len(body)
        last = first + len(rows) - 1
        blocks.append(
            {
                "_id": block_id(job_id, first),
                "job_id": job_id,
                "first": first,
                "last": last,
                "time": now,
                "total_bytes": total_bytes,
                "body": body,
            }
        )
        first = last + 1
    return blocks


def block_id(job_id: JobId, first: int) -> str:
    """The `_id` of the block that begins with a sequence number."""
    return f"{job_id}:{first}"


def events_of_block(block: Document, after_sequence: int) -> list[Event]:
    """The events of a block that come after a sequence number."""
    job_id = JobId(block["job_id"])
    return [
        Event(job_id=job_id, sequence=sequence, draft=_from_row(row))
        for sequence, row in enumerate(_rows(block["body"]), block["first"])
        if sequence > after_sequence
    ]


def _rows(body: bytes) -> Iterator[Row]:
    # Rows stand one behind the other, each with its length before it.
    start = 0
    while start < len(body):
        end = start + 4 + int.from_bytes(body[start : start + 4])
        yield _decode(body[start + 4 : end])
        start = end


def _chunks(rows: list[bytes]) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    size = 0
    for row in rows:
        if chunk and (size + len(row) > MAX_BLOCK_BYTES or len(chunk) == MAX_BLOCK_EVENTS):
            yield chunk
            chunk, size = [], 0
        chunk.append(len(row).to_bytes(4) + row)
        size += len(row) + 4
    if chunk:
        yield chunk


def _to_row(draft: EventDraft) -> Row:
    payload = draft.payload
    return (
        draft.time.timestamp(),
        draft.task_id,
        draft.attempt,
        draft.source_sequence,
        _TYPE_BY_CLASS[type(payload)],
        _payload_to(payload),
    )


def _from_row(row: Row) -> EventDraft:
    time, task_id, attempt, source_sequence, kind, payload = row
    return EventDraft(
        time=datetime.fromtimestamp(time, UTC),
        task_id=task_id,
        attempt=attempt,
        source_sequence=source_sequence,
        payload=_payload_from(kind, payload),
    )


_TYPE_BY_CLASS: dict[type[Any], str] = {
    JobStateChange: "job",
    TaskStateChange: "task",
    Progress: "progress",
    Metric: "metric",
    LogLines: "log",
    ProducedOutput: "output",
    Notice: "notice",
}


def _failure_to(failure: Failure | None) -> tuple[Any, ...] | None:
    if failure is None:
        return None
    return (
        failure.reason,
        failure.message,
        failure.exit_code,
        failure.signal,
        failure.output_tail,
    )


def _failure_from(row: list[Any] | None) -> Failure | None:
    if row is None:
        return None
    reason, message, exit_code, signal, tail = row
    return Failure(
        reason=reason, message=message, exit_code=exit_code, signal=signal, output_tail=tuple(tail)
    )


def _payload_to(payload: Payload) -> tuple[Any, ...]:
    match payload:
        case TaskStateChange():
            failure = _failure_to(payload.failure)
            return (payload.state.value, payload.worker_id, failure, payload.result_json)
        case JobStateChange():
            return (payload.state.value, _failure_to(payload.failure))
        case Progress():
            return (payload.completed, payload.total, payload.unit)
        case Metric():
            return (payload.step, payload.values)
        case LogLines():
            return (payload.stream.value, payload.lines)
        case ProducedOutput():
            return (payload.type.value, payload.name, payload.version, payload.artifact_id)
        case Notice():
            return (payload.reason, payload.message)


def _payload_from(kind: str, row: Sequence[Any]) -> Payload:
    match kind:
        case "task":
            state, worker_id, failure, result_json = row
            return TaskStateChange(
                state=TaskState(state),
                worker_id=worker_id,
                failure=_failure_from(failure),
                result_json=result_json,
            )
        case "job":
            state, failure = row
            return JobStateChange(state=JobState(state), failure=_failure_from(failure))
        case "progress":
            completed, total, unit = row
            return Progress(completed=completed, total=total, unit=unit)
        case "metric":
            step, values = row
            return Metric(step=step, values=values)
        case "log":
            stream, lines = row
            return LogLines(stream=LogStream(stream), lines=tuple(lines))
        case "output":
            output_type, name, version, artifact_id = row
            return ProducedOutput(
                type=OutputType(output_type), name=name, version=version, artifact_id=artifact_id
            )
        case "notice":
            reason, message = row
            return Notice(reason=reason, message=message)
    raise ValueError(f"event type {kind!r} is unknown")
