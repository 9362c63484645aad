"""Jobs, tasks, workers and checkpoints between protobuf and REST."""

from datetime import UTC, datetime

from tensorfleet.gateway.convert import words
from tensorfleet.gateway.convert.job_specs import to_retry_rule
from tensorfleet.gateway.convert.values import to_object, to_seconds, to_time, to_value
from tensorfleet.orchestrator.v1 import (
    failure_pb2,
    job_pb2,
    output_pb2,
    resources_pb2,
    task_pb2,
    worker_pb2,
)
from tensorfleet.shared.machine_sample import MachineSample
from tensorfleet.shared.rest import jobs, workers
from tensorfleet.storage.v1 import checkpoint_pb2


def job_state_filter(state: jobs.JobState | None) -> "job_pb2.JobState.ValueType":
    """A state to ask for; None is any."""
    if state is None:
        return job_pb2.JOB_STATE_UNSPECIFIED
    return words.number_of(words.JOB_STATES, state)


def task_state_filter(state: jobs.TaskState | None) -> "task_pb2.TaskState.ValueType":
    """A state to ask for; None is any."""
    if state is None:
        return task_pb2.TASK_STATE_UNSPECIFIED
    return words.number_of(words.TASK_STATES, state)


def to_job(job: job_pb2.Job) -> jobs.Job:
    """A job for a client."""
    spec = job.spec
    return jobs.Job(
        id=job.id,
        kind=spec.kind,
        name=spec.name or spec.kind,
        state=words.JOB_STATES[job.state],
        priority=words.PRIORITIES[spec.priority],
        spec=to_object(spec.spec_json),
        code=spec.code_artifact_id,
        resources=to_resources(spec.resources),
        max_attempts=spec.retry.max_attempts or 1,
        retry_rules=[to_retry_rule(rule) for rule in spec.retry.rules],
        initial_backoff_seconds=to_seconds(spec.retry, "initial_backoff"),
        max_backoff_seconds=to_seconds(spec.retry, "max_backoff"),
        timeout_seconds=to_seconds(spec, "attempt_timeout"),
        not_before_time=to_time(spec, "not_before_time"),
        after=list(spec.after_job_ids),
        gang=spec.gang,
        preemptible=spec.preemptible,
        labels=dict(spec.labels),
        owner=job.owner,
        project=job.project,
        create_time=to_time(job, "create_time") or datetime.fromtimestamp(0, UTC),
        start_time=to_time(job, "start_time"),
        end_time=to_time(job, "end_time"),
        cancel_request_time=to_time(job, "cancel_request_time"),
        tasks=jobs.TaskCounts(
            total=job.tasks.total,
            queued=job.tasks.queued,
            running=job.tasks.running,
            succeeded=job.tasks.succeeded,
            failed=job.tasks.failed,
            cancelled=job.tasks.cancelled,
        ),
        failure=to_failure(job.failure) if job.HasField("failure") else None,
        outputs=[to_output(output) for output in job.outputs],
    )


def to_resources(resources: resources_pb2.Resources) -> jobs.Resources:
    """What a task needs or a worker has, for a client."""
    return jobs.Resources(
        cpus=resources.cpus,
        memory_bytes=resources.memory_bytes,
        gpus=resources.gpus,
        gpu_kind=resources.gpu_kind,
        labels=dict(resources.labels),
        exclusive=resources.exclusive,
    )


def to_failure(failure: failure_pb2.Failure) -> jobs.Failure:
    """Why something did not succeed, for a client."""
    return jobs.Failure(
        reason=failure.reason,
        message=failure.message,
        exit_code=failure.exit_code if failure.HasField("exit_code") else None,
        signal=failure.signal if failure.HasField("signal") else None,
        output_tail=list(failure.output_tail),
    )


def to_output(output: output_pb2.Output) -> jobs.Output:
    """Something kept, for a client."""
    return jobs.Output(
        type=words.OUTPUT_TYPES[output.type],
        name=output.name,
        version=output.version,
        artifact_id=output.artifact_id,
    )


def to_task(task: task_pb2.Task) -> jobs.Task:
    """A task for a client."""
    return jobs.Task(
        id=task.id,
        job_id=task.job_id,
        index=task.index,
        state=words.TASK_STATES[task.state],
        resources=to_resources(task.resources),
        plan=to_object(task.task_json),
        attempts=[_to_attempt(attempt) for attempt in task.attempts],
        create_time=to_time(task, "create_time"),
        result=to_value(task.result_json),
    )


def _to_attempt(attempt: task_pb2.Attempt) -> jobs.Attempt:
    return jobs.Attempt(
        number=attempt.number,
        worker_id=attempt.worker_id,
        start_time=to_time(attempt, "start_time"),
        end_time=to_time(attempt, "end_time"),
        outcome=words.ATTEMPT_OUTCOMES[attempt.outcome],
        failure=to_failure(attempt.failure) if attempt.HasField("failure") else None,
    )


def to_checkpoint(checkpoint: checkpoint_pb2.Checkpoint) -> jobs.Checkpoint:
    """A checkpoint for a client."""
    return jobs.Checkpoint(
        job_id=checkpoint.job_id,
        task_id=checkpoint.task_id,
        attempt=checkpoint.attempt,
        step=checkpoint.step,
        artifact_id=checkpoint.artifact_id,
        size_bytes=checkpoint.size_bytes,
        create_time=to_time(checkpoint, "create_time"),
    )


def to_machine_sample(sample: worker_pb2.MachineSample) -> MachineSample:
    """What a machine did, for a client."""
    told = {field.name: value for field, value in sample.ListFields()}
    told |= {
        "time": sample.time.ToDatetime(UTC),
        "cores": tuple(round(core, 4) for core in sample.cores),
    }
    return MachineSample(**told)


def to_worker(worker: worker_pb2.Worker) -> workers.Worker:
    """A worker for a client."""
    return workers.Worker(
        id=worker.id,
        state=words.WORKER_STATES[worker.state],
        capacity=to_resources(worker.capacity),
        slots=worker.slots,
        running_task_ids=list(worker.running_task_ids),
        version=worker.version,
        hostname=worker.hostname,
        create_time=to_time(worker, "create_time"),
        last_seen_time=to_time(worker, "last_seen_time"),
        quarantine_end_time=to_time(worker, "quarantine_end_time"),
        usage=to_machine_sample(worker.usage) if worker.HasField("usage") else None,
    )
