"""Domain objects as MongoDB documents, and back. Part of the store; pure."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

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
from tensorfleet.orchestrator.job import Job, JobSpec, JobState, Priority
from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.retry import AttemptOutcome, RetryPolicy
from tensorfleet.orchestrator.task import Attempt, Task, TaskState
from tensorfleet.orchestrator.worker import Worker
from tensorfleet.shared.ids import JobId, TaskId, WorkerId
from tensorfleet.shared.mongo import Document


def _resources_to(resources: Resources) -> Document:
    return {
        "cpus": resources.cpus,
        "memory_bytes": resources.memory_bytes,
        "gpus": resources.gpus,
        "gpu_kind": resources.gpu_kind,
        # A list of pairs: label names may hold dots, which field names should not.
        "labels": sorted(resources.labels.items()),
    }


def _resources_from(row: Document) -> Resources:
    return Resources(**{**row, "labels": dict(row["labels"])})


def _failure_to(failure: Failure | None) -> Document | None:
    if failure is None:
        return None
    return {
        "reason": failure.reason,
        "message": failure.message,
        "exit_code": failure.exit_code,
        "signal": failure.signal,
        "output_tail": list(failure.output_tail),
    }


def _failure_from(row: Document | None) -> Failure | None:
    return Failure(**{**row, "output_tail": tuple(row["output_tail"])}) if row else None


def _output_to(output: ProducedOutput) -> Document:
    return {
        "type": output.type.value,
        "name": output.name,
        "version": output.version,
        "artifact_id": output.artifact_id,
    }


def _output_from(row: Document) -> ProducedOutput:
    return ProducedOutput(**{**row, "type": OutputType(row["type"])})


def job_to_document(job: Job) -> Document:
    """A job as a row of `jobs`."""
    spec = job.spec
    row: Document = {
        "_id": job.id,
        "kind": spec.kind,
        "name": spec.name,
        "spec_json": spec.spec_json,
        "code_artifact_id": spec.code_artifact_id,
        "priority": spec.priority.value,
        "resources": _resources_to(spec.resources),
        "retry": {
            "max_attempts": spec.retry.max_attempts,
            "initial_backoff_seconds": spec.retry.initial_backoff.total_seconds(),
            "max_backoff_seconds": spec.retry.max_backoff.total_seconds(),
        },
        "attempt_timeout_seconds": _seconds(spec.attempt_timeout),
        "labels": sorted(spec.labels.items()),
        "state": job.state.value,
        "owner": job.owner,
        "project": job.project,
        "create_time": job.create_time,
        "start_time": job.start_time,
        "end_time": job.end_time,
        "task_counts": {state.value: count for state, count in job.task_counts.items()},
        "failure": _failure_to(job.failure),
        "outputs": [_output_to(output) for output in job.outputs],
        "cancel_request_time": job.cancel_request_time,
        "request_digest": job.request_digest,
    }
    if job.request_id:
        row["request_id"] = job.request_id
    return row


def job_from_document(row: Document) -> Job:
    """A row of `jobs` as a job."""
    retry = row["retry"]
    timeout = row["attempt_timeout_seconds"]
    spec = JobSpec(
        kind=row["kind"],
        name=row["name"],
        spec_json=row["spec_json"],
        code_artifact_id=row["code_artifact_id"],
        priority=Priority(row["priority"]),
        resources=_resources_from(row["resources"]),
        retry=RetryPolicy(
            max_attempts=retry["max_attempts"],
            initial_backoff=timedelta(seconds=retry["initial_backoff_seconds"]),
            max_backoff=timedelta(seconds=retry["max_backoff_seconds"]),
        ),
        attempt_timeout=None if timeout is None else timedelta(seconds=timeout),
        labels=dict(row["labels"]),
    )
    return Job(
        id=JobId(row["_id"]),
        spec=spec,
        state=JobState(row["state"]),
        owner=row["owner"],
        project=row["project"],
        create_time=row["create_time"],
        start_time=row["start_time"],
        end_time=row["end_time"],
        task_counts={TaskState(state): count for state, count in row["task_counts"].items()},
        failure=_failure_from(row["failure"]),
        outputs=tuple(_output_from(output) for output in row["outputs"]),
        cancel_request_time=row["cancel_request_time"],
        request_id=row.get("request_id", ""),
        request_digest=row["request_digest"],
    )


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


def task_to_document(task: Task) -> Document:
    """A task as a row of `tasks`. `attempt` and `worker_id` stand outside for queries."""
    return {
        "_id": task.id,
        "job_id": task.job_id,
        "index": task.index,
        "state": task.state.value,
        "attempt": len(task.attempts),
        "worker_id": task.attempts[-1].worker_id if task.attempts else "",
        "resources": _resources_to(task.resources),
        "task_json": task.task_json,
        "create_time": task.create_time,
        "ready_time": task.ready_time,
        "attempts": [_attempt_to(attempt) for attempt in task.attempts],
    }


def task_from_document(row: Document) -> Task:
    """A row of `tasks` as a task."""
    return Task(
        id=TaskId(row["_id"]),
        job_id=JobId(row["job_id"]),
        index=row["index"],
        state=TaskState(row["state"]),
        resources=_resources_from(row["resources"]),
        task_json=row["task_json"],
        create_time=row["create_time"],
        ready_time=row["ready_time"],
        attempts=tuple(_attempt_from(attempt) for attempt in row["attempts"]),
    )


def _attempt_to(attempt: Attempt) -> Document:
    return {
        "number": attempt.number,
        "worker_id": attempt.worker_id,
        "start_time": attempt.start_time,
        "end_time": attempt.end_time,
        "outcome": attempt.outcome.value if attempt.outcome else None,
        "failure": _failure_to(attempt.failure),
    }


def _attempt_from(row: Document) -> Attempt:
    return Attempt(
        number=row["number"],
        worker_id=WorkerId(row["worker_id"]),
        start_time=row["start_time"],
        end_time=row["end_time"],
        outcome=AttemptOutcome(row["outcome"]) if row["outcome"] else None,
        failure=_failure_from(row["failure"]),
    )


def event_documents(
    job_id: JobId, first_sequence: int, drafts: Sequence[EventDraft]
) -> list[Document]:
    """Rows of `events` for drafts that follow each other from a sequence number on."""
    rows = []
    for sequence, draft in enumerate(drafts, first_sequence):
        row: Document = {
            "_id": f"{job_id}:{sequence}",
            "job_id": job_id,
            "sequence": sequence,
            "time": draft.time,
            "task_id": draft.task_id,
            "attempt": draft.attempt,
            "type": _TYPE_BY_CLASS[type(draft.payload)],
            "payload": _payload_to(draft.payload),
        }
        if draft.is_terminal:
            row["is_terminal"] = True
        if draft.source_sequence:
            row["source_sequence"] = draft.source_sequence
        rows.append(row)
    return rows


def event_from_document(row: Document) -> Event:
    """A row of `events` as an event."""
    draft = EventDraft(
        time=row["time"],
        payload=_payload_from(row["type"], row["payload"]),
        task_id=row["task_id"],
        attempt=row["attempt"],
        source_sequence=row.get("source_sequence", 0),
    )
    return Event(job_id=JobId(row["job_id"]), sequence=row["sequence"], draft=draft)


_TYPE_BY_CLASS: dict[type[Any], str] = {
    JobStateChange: "job_state",
    TaskStateChange: "task_state",
    Progress: "progress",
    Metric: "metric",
    LogLines: "log",
    ProducedOutput: "output",
    Notice: "notice",
}


def _payload_to(payload: Payload) -> Document:
    match payload:
        case JobStateChange(state=job_state, failure=failure):
            return {"state": job_state.value, "failure": _failure_to(failure)}
        case TaskStateChange(state=task_state, worker_id=worker_id, failure=failure):
            return {
                "state": task_state.value,
                "worker_id": worker_id,
                "failure": _failure_to(failure),
            }
        case Progress(completed=completed, total=total, unit=unit):
            return {"completed": completed, "total": total, "unit": unit}
        case Metric(step=step, values=values):
            return {"step": step, "values": list(values.items())}
        case LogLines(stream=stream, lines=lines):
            return {"stream": stream.value, "lines": list(lines)}
        case ProducedOutput():
            return _output_to(payload)
        case Notice(reason=reason, message=message):
            return {"reason": reason, "message": message}


def _payload_from(kind: str, row: Document) -> Payload:
    match kind:
        case "job_state":
            return JobStateChange(
                state=JobState(row["state"]), failure=_failure_from(row["failure"])
            )
        case "task_state":
            return TaskStateChange(
                state=TaskState(row["state"]),
                worker_id=row["worker_id"],
                failure=_failure_from(row["failure"]),
            )
        case "progress":
            return Progress(**row)
        case "metric":
            return Metric(step=row["step"], values=dict(row["values"]))
        case "log":
            return LogLines(stream=LogStream(row["stream"]), lines=tuple(row["lines"]))
        case "output":
            return _output_from(row)
        case "notice":
            return Notice(**row)
    raise ValueError(f"event type {kind!r} is unknown")


def worker_to_document(worker: Worker) -> Document:
    """A worker as a row of `workers`."""
    return {
        "_id": worker.id,
        "instance_id": worker.instance_id,
        "version": worker.version,
        "hostname": worker.hostname,
        "capacity": _resources_to(worker.capacity),
        "slots": worker.slots,
        "is_draining": worker.is_draining,
        "create_time": worker.create_time,
        "register_time": worker.register_time,
    }


def worker_from_document(row: Document) -> Worker:
    """A row of `workers` as a worker."""
    return Worker(
        id=WorkerId(row["_id"]),
        instance_id=row["instance_id"],
        version=row["version"],
        hostname=row["hostname"],
        capacity=_resources_from(row["capacity"]),
        slots=row["slots"],
        is_draining=row["is_draining"],
        create_time=row["create_time"],
        register_time=row["register_time"],
    )
