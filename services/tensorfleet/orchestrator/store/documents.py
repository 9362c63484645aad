"""Domain objects as MongoDB documents, and back. Part of the store; pure."""

from datetime import timedelta

from tensorfleet.kinds.outcome import OutputType, ProducedOutput
from tensorfleet.orchestrator.failure import Failure
from tensorfleet.orchestrator.job import Job, JobSpec, JobState, Priority
from tensorfleet.orchestrator.peer import Peer
from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.retry import AttemptOutcome, RetryPolicy, RetryRule
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
        "is_exclusive": resources.is_exclusive,
        # A list of pairs: label names may hold dots, which field names should not.
        "labels": sorted(resources.labels.items()),
    }


def _resources_from(row: Document) -> Resources:
    # BSON's own integers are none to other encoders.
    memory_bytes = int(row["memory_bytes"])
    return Resources(**{**row, "memory_bytes": memory_bytes, "labels": dict(row["labels"])})


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
        "spec_json": spec.spec_json,
        "code_artifact_id": spec.code_artifact_id,
        "resources": _resources_to(spec.resources),
        "retry": {
            "max_attempts": spec.retry.max_attempts,
            "initial_backoff_seconds": spec.retry.initial_backoff.total_seconds(),
            "max_backoff_seconds": spec.retry.max_backoff.total_seconds(),
            "rules": [_rule_to(rule) for rule in spec.retry.rules],
        },
        "attempt_timeout_seconds": _seconds(spec.attempt_timeout),
        "not_before": spec.not_before,
        "is_preemptible": spec.is_preemptible,
        "after_job_ids": list(spec.after_job_ids),
        "is_gang": spec.is_gang,
        "owner": job.owner,
        "project": job.project,
        "create_time": job.create_time,
        "request_digest": job.request_digest,
        **job_update(job),
    }
    if job.request_id:
        row["request_id"] = job.request_id
    return row


def job_update(job: Job) -> Document:
    """The fields of a row of `jobs` that change in a job's life."""
    return {
        "name": job.spec.name,
        "priority": job.spec.priority.value,
        "labels": sorted(job.spec.labels.items()),
        "state": job.state.value,
        "start_time": job.start_time,
        "end_time": job.end_time,
        "task_counts": {state.value: count for state, count in job.task_counts.items()},
        "failure": _failure_to(job.failure),
        "outputs": [_output_to(output) for output in job.outputs],
        "cancel_request_time": job.cancel_request_time,
        "waits_for": list(job.waits_for),
    }


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
            rules=tuple(_rule_from(rule) for rule in retry["rules"]),
        ),
        attempt_timeout=None if timeout is None else timedelta(seconds=timeout),
        labels=dict(row["labels"]),
        not_before=row["not_before"],
        is_preemptible=row["is_preemptible"],
        after_job_ids=tuple(JobId(job_id) for job_id in row["after_job_ids"]),
        is_gang=row["is_gang"],
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
        waits_for=frozenset(JobId(job_id) for job_id in row["waits_for"]),
    )


def _rule_to(rule: RetryRule) -> Document:
    return {
        "reasons": sorted(rule.reasons),
        "exit_codes": sorted(rule.exit_codes),
        "log_pattern": rule.log_pattern,
        "max_retries": rule.max_retries,
    }


def _rule_from(row: Document) -> RetryRule:
    return RetryRule(
        reasons=frozenset(row["reasons"]),
        exit_codes=frozenset(row["exit_codes"]),
        log_pattern=row["log_pattern"],
        max_retries=row["max_retries"],
    )


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


def task_to_document(task: Task) -> Document:
    """A task as a row of `tasks`. `attempt` and `worker_id` stand outside for queries."""
    return {
        "_id": task.id,
        "job_id": task.job_id,
        "index": task.index,
        "task_json": task.task_json,
        "create_time": task.create_time,
        **task_update(task),
    }


def task_update(task: Task) -> Document:
    """The fields of a row of `tasks` that change in a task's life."""
    return {
        "state": task.state.value,
        "attempt": len(task.attempts),
        "worker_id": task.attempts[-1].worker_id if task.attempts else "",
        "ready_time": task.ready_time,
        "attempts": [_attempt_to(attempt) for attempt in task.attempts],
        "result_json": task.result_json,
        "reported_through": task.reported_through,
        "retry_base": task.retry_base,
    }


def task_from_document(row: Document) -> Task:
    """A row of `tasks` as a task."""
    return Task(
        id=TaskId(row["_id"]),
        job_id=JobId(row["job_id"]),
        index=row["index"],
        state=TaskState(row["state"]),
        task_json=row["task_json"],
        create_time=row["create_time"],
        ready_time=row["ready_time"],
        attempts=tuple(_attempt_from(attempt) for attempt in row["attempts"]),
        result_json=row["result_json"],
        reported_through=row["reported_through"],
        retry_base=row["retry_base"],
    )


def peer_from_document(row: Document) -> Peer:
    """A row of `tasks`, or the part of it that its peers may see, as a peer."""
    given = row.get("peer")
    return Peer(
        task_id=TaskId(row["_id"]),
        index=row["index"],
        state=TaskState(row["state"]),
        attempt=row["attempt"],
        start_time=row["attempts"][-1]["start_time"] if row["attempts"] else None,
        address=given["address"] if given and given["attempt"] == row["attempt"] else "",
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


def worker_to_document(worker: Worker) -> Document:
    """A worker as a row of `workers`."""
    return {
        "_id": worker.id,
        "instance_id": worker.instance_id,
        "version": worker.version,
        "hostname": worker.hostname,
        "capacity": _resources_to(worker.capacity),
        "slots": worker.slots,
        "is_leaving": worker.is_leaving,
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
        is_leaving=row["is_leaving"],
        is_drained=row.get("is_drained", False),
        quarantine_end_time=row.get("quarantine_end_time"),
        create_time=row["create_time"],
        register_time=row["register_time"],
    )
