"""Contract messages as domain objects, and back. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from tensorfleet.kinds.outcome import OutputType, ProducedOutput
from tensorfleet.orchestrator.event import (
    Event,
    EventDraft,
    JobStateChange,
    LogLines,
    LogStream,
    Metric,
    Payload,
    Progress,
    TaskStateChange,
)
from tensorfleet.orchestrator.failure import MAX_TAIL_LINES, Failure
from tensorfleet.orchestrator.job import Job, JobSpec, JobState, Priority
from tensorfleet.orchestrator.job_changes import AttemptEnd
from tensorfleet.orchestrator.resources import (
    DEFAULT_CPUS,
    DEFAULT_MEMORY_BYTES,
    Resources,
    resource_problems,
)
from tensorfleet.orchestrator.retry import AttemptOutcome, RetryPolicy
from tensorfleet.orchestrator.task import Attempt, AttemptRef, Task, TaskState
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as dispatch_pb
from tensorfleet.orchestrator.v1 import (
    event_pb2,
    failure_pb2,
    job_pb2,
    output_pb2,
    resources_pb2,
    task_pb2,
    worker_pb2,
)
from tensorfleet.orchestrator.worker import Worker, WorkerState
from tensorfleet.shared.errors import FieldError, InvalidInput, InvalidJob, Unimplemented
from tensorfleet.shared.ids import TaskId, WorkerId

MAX_NAME_LENGTH = 256
MAX_LABELS = 32
MAX_LABEL_LENGTH = 200
MAX_ATTEMPTS = 1000
MAX_SPEC_BYTES = 1024 * 1024

JOB_STATES = {
    JobState.PENDING: job_pb2.JOB_STATE_PENDING,
    JobState.RUNNING: job_pb2.JOB_STATE_RUNNING,
    JobState.PAUSED: job_pb2.JOB_STATE_PAUSED,
    JobState.SUCCEEDED: job_pb2.JOB_STATE_SUCCEEDED,
    JobState.FAILED: job_pb2.JOB_STATE_FAILED,
    JobState.CANCELLED: job_pb2.JOB_STATE_CANCELLED,
}
TASK_STATES = {
    TaskState.QUEUED: task_pb2.TASK_STATE_QUEUED,
    TaskState.RUNNING: task_pb2.TASK_STATE_RUNNING,
    TaskState.SUCCEEDED: task_pb2.TASK_STATE_SUCCEEDED,
    TaskState.FAILED: task_pb2.TASK_STATE_FAILED,
    TaskState.CANCELLED: task_pb2.TASK_STATE_CANCELLED,
}
PRIORITIES = {
    Priority.HIGH: job_pb2.PRIORITY_HIGH,
    Priority.NORMAL: job_pb2.PRIORITY_NORMAL,
    Priority.LOW: job_pb2.PRIORITY_LOW,
}
OUTCOMES = {
    AttemptOutcome.SUCCEEDED: task_pb2.ATTEMPT_OUTCOME_SUCCEEDED,
    AttemptOutcome.FAILED: task_pb2.ATTEMPT_OUTCOME_FAILED,
    AttemptOutcome.LOST: task_pb2.ATTEMPT_OUTCOME_LOST,
    AttemptOutcome.CANCELLED: task_pb2.ATTEMPT_OUTCOME_CANCELLED,
}
OUTPUT_TYPES = {
    OutputType.MODEL_VERSION: output_pb2.Output.TYPE_MODEL_VERSION,
    OutputType.CHECKPOINT: output_pb2.Output.TYPE_CHECKPOINT,
    OutputType.DATASET_VERSION: output_pb2.Output.TYPE_DATASET_VERSION,
    OutputType.ARTIFACT: output_pb2.Output.TYPE_ARTIFACT,
}
LOG_STREAMS = {
    LogStream.STDOUT: event_pb2.LOG_STREAM_STDOUT,
    LogStream.STDERR: event_pb2.LOG_STREAM_STDERR,
    LogStream.WORKER: event_pb2.LOG_STREAM_WORKER,
}
WORKER_STATES = {
    WorkerState.ONLINE: worker_pb2.WORKER_STATE_ONLINE,
    WorkerState.DRAINING: worker_pb2.WORKER_STATE_DRAINING,
    WorkerState.OFFLINE: worker_pb2.WORKER_STATE_OFFLINE,
}

_JOB_STATES_BACK = {number: state for state, number in JOB_STATES.items()}
_TASK_STATES_BACK = {number: state for state, number in TASK_STATES.items()}
_PRIORITIES_BACK = {number: priority for priority, number in PRIORITIES.items()}
_OUTCOMES_BACK = {number: outcome for outcome, number in OUTCOMES.items()}
_OUTPUT_TYPES_BACK = {number: kind for kind, number in OUTPUT_TYPES.items()}
_LOG_STREAMS_BACK = {number: stream for stream, number in LOG_STREAMS.items()}


def to_timestamp(time: datetime | None) -> Timestamp | None:
    """An aware time for a message; None stays absent."""
    if time is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp


def to_duration(span: timedelta | None) -> Duration | None:
    """A span for a message; None stays absent."""
    if span is None:
        return None
    duration = Duration()
    duration.FromTimedelta(span)
    return duration


def spec_from_message(message: job_pb2.JobSpec) -> JobSpec:
    """A job's specification with every default filled in.

    Raises:
        InvalidJob: Some values are out of range; it lists all of them.
        Unimplemented: It asks for what this version does not have.
    """
    refuse_absent_features(message)
    problems: list[FieldError] = []
    needs = message.resources
    resources = Resources(
        cpus=needs.cpus or DEFAULT_CPUS,
        memory_bytes=needs.memory_bytes or DEFAULT_MEMORY_BYTES,
        gpus=needs.gpus,
        gpu_kind=needs.gpu_kind,
        labels=dict(needs.labels),
    )
    problems += resource_problems(resources)
    retry = RetryPolicy()
    if message.HasField("retry"):
        retry = retry_from_message(message.retry)
        if not 1 <= retry.max_attempts <= MAX_ATTEMPTS:
            problems.append(
                FieldError(field="max_attempts", message=f"must be 1 to {MAX_ATTEMPTS}")
            )
    timeout = None
    if message.HasField("attempt_timeout"):
        timeout = message.attempt_timeout.ToTimedelta()
        if timeout <= timedelta(0):
            problems.append(FieldError(field="timeout_seconds", message="must be above 0"))
    if len(message.name) > MAX_NAME_LENGTH or not (message.name or "x").isprintable():
        problems.append(
            FieldError(
                field="name", message=f"must be at most {MAX_NAME_LENGTH} printable characters"
            )
        )
    if len(message.labels) > MAX_LABELS or any(
        len(key) > MAX_LABEL_LENGTH or len(value) > MAX_LABEL_LENGTH
        for key, value in message.labels.items()
    ):
        problems.append(
            FieldError(
                field="labels",
                message=f"must be at most {MAX_LABELS}, each of {MAX_LABEL_LENGTH} characters",
            )
        )
    if len(message.spec_json) > MAX_SPEC_BYTES:
        problems.append(FieldError(field="spec", message="must be at most 1 MiB of JSON"))
    if problems:
        listed = "; ".join(f"{p.field} {p.message}" for p in problems)
        raise InvalidJob(f"the job is not acceptable: {listed}", tuple(problems))
    return JobSpec(
        kind=message.kind,
        name=message.name or message.kind,
        spec_json=message.spec_json or "{}",
        code_artifact_id=message.code_artifact_id,
        priority=_PRIORITIES_BACK.get(message.priority, Priority.NORMAL),
        resources=resources,
        retry=retry,
        attempt_timeout=timeout,
        labels=dict(message.labels),
    )


def refuse_absent_features(message: job_pb2.JobSpec) -> None:
    """Raises `Unimplemented` for parts of the contract that this version does not have."""
    asked = {
        "resources.exclusive": message.resources.exclusive,
        "not_before_time": message.HasField("not_before_time"),
        "preemptible": message.preemptible,
        "after_job_ids": bool(message.after_job_ids),
    }
    absent = [name for name, is_asked in asked.items() if is_asked]
    if absent:
        raise Unimplemented(f"this version does not have {', '.join(absent)}; leave it out")


def retry_from_message(message: job_pb2.RetryPolicy) -> RetryPolicy:
    """A retry policy with its defaults filled in."""
    default = RetryPolicy()
    return RetryPolicy(
        max_attempts=message.max_attempts or default.max_attempts,
        initial_backoff=message.initial_backoff.ToTimedelta()
        if message.HasField("initial_backoff")
        else default.initial_backoff,
        max_backoff=message.max_backoff.ToTimedelta()
        if message.HasField("max_backoff")
        else default.max_backoff,
    )


def spec_to_message(spec: JobSpec) -> job_pb2.JobSpec:
    """A specification as a message."""
    return job_pb2.JobSpec(
        kind=spec.kind,
        name=spec.name,
        spec_json=spec.spec_json,
        code_artifact_id=spec.code_artifact_id,
        priority=PRIORITIES[spec.priority],
        resources=resources_to_message(spec.resources),
        retry=job_pb2.RetryPolicy(
            max_attempts=spec.retry.max_attempts,
            initial_backoff=to_duration(spec.retry.initial_backoff),
            max_backoff=to_duration(spec.retry.max_backoff),
        ),
        attempt_timeout=to_duration(spec.attempt_timeout),
        labels=spec.labels,
    )


def job_to_message(job: Job) -> job_pb2.Job:
    """A job as a message."""
    counts = {state.value: count for state, count in job.task_counts.items()}
    return job_pb2.Job(
        id=job.id,
        spec=spec_to_message(job.spec),
        state=JOB_STATES[job.state],
        owner=job.owner,
        project=job.project,
        create_time=to_timestamp(job.create_time),
        start_time=to_timestamp(job.start_time),
        end_time=to_timestamp(job.end_time),
        tasks=job_pb2.TaskCounts(total=job.task_count, **counts),
        failure=failure_to_message(job.failure),
        outputs=[output_to_message(output) for output in job.outputs],
        cancel_request_time=to_timestamp(job.cancel_request_time),
    )


def job_state_filter(number: "job_pb2.JobState.ValueType") -> JobState | None:
    """A filter's state; None for unspecified, which means any."""
    return _JOB_STATES_BACK.get(number)


def task_state_filter(number: "task_pb2.TaskState.ValueType") -> TaskState | None:
    """A filter's state; None for unspecified, which means any."""
    return _TASK_STATES_BACK.get(number)


def resources_to_message(resources: Resources) -> resources_pb2.Resources:
    """Resources as a message."""
    return resources_pb2.Resources(
        cpus=resources.cpus,
        memory_bytes=resources.memory_bytes,
        gpus=resources.gpus,
        gpu_kind=resources.gpu_kind,
        labels=resources.labels,
    )


def resources_from_message(message: resources_pb2.Resources) -> Resources:
    """Resources as a worker tells them: nothing is filled in."""
    return Resources(
        cpus=message.cpus,
        memory_bytes=message.memory_bytes,
        gpus=message.gpus,
        gpu_kind=message.gpu_kind,
        labels=dict(message.labels),
    )


def failure_to_message(failure: Failure | None) -> failure_pb2.Failure | None:
    """A failure as a message; None stays absent."""
    if failure is None:
        return None
    return failure_pb2.Failure(
        reason=failure.reason,
        message=failure.message,
        exit_code=failure.exit_code,
        signal=failure.signal,
        output_tail=failure.output_tail,
    )


def failure_from_message(message: failure_pb2.Failure) -> Failure:
    """A message as a failure."""
    return Failure(
        reason=message.reason,
        message=message.message,
        exit_code=message.exit_code if message.HasField("exit_code") else None,
        signal=message.signal if message.HasField("signal") else None,
        output_tail=tuple(message.output_tail[-MAX_TAIL_LINES:]),
    )


def output_to_message(output: ProducedOutput) -> output_pb2.Output:
    """An output as a message."""
    return output_pb2.Output(
        type=OUTPUT_TYPES[output.type],
        name=output.name,
        version=output.version,
        artifact_id=output.artifact_id,
    )


def output_from_message(message: output_pb2.Output) -> ProducedOutput:
    """A message as an output.

    Raises:
        InvalidInput: Its type is none.
    """
    if message.type not in _OUTPUT_TYPES_BACK:
        raise InvalidInput(f"output type {message.type} is unknown")
    return ProducedOutput(
        type=_OUTPUT_TYPES_BACK[message.type],
        name=message.name,
        version=message.version,
        artifact_id=message.artifact_id,
    )


def task_to_message(task: Task) -> task_pb2.Task:
    """A task as a message."""
    return task_pb2.Task(
        id=task.id,
        job_id=task.job_id,
        index=task.index,
        state=TASK_STATES[task.state],
        resources=resources_to_message(task.resources),
        task_json=task.task_json,
        attempts=[attempt_to_message(attempt) for attempt in task.attempts],
        create_time=to_timestamp(task.create_time),
    )


def attempt_to_message(attempt: Attempt) -> task_pb2.Attempt:
    """An attempt as a message."""
    return task_pb2.Attempt(
        number=attempt.number,
        worker_id=attempt.worker_id,
        start_time=to_timestamp(attempt.start_time),
        end_time=to_timestamp(attempt.end_time),
        outcome=OUTCOMES[attempt.outcome]
        if attempt.outcome
        else task_pb2.ATTEMPT_OUTCOME_UNSPECIFIED,
        failure=failure_to_message(attempt.failure),
    )


def event_to_message(event: Event) -> event_pb2.Event:
    """An event as a message."""
    message = event_pb2.Event(
        job_id=event.job_id,
        sequence=event.sequence,
        time=to_timestamp(event.draft.time),
        task_id=event.draft.task_id,
        attempt=event.draft.attempt,
    )
    match event.draft.payload:
        case JobStateChange(state=job_state, failure=failure):
            message.job_state.CopyFrom(
                event_pb2.JobStateChange(
                    state=JOB_STATES[job_state],
                    is_terminal=job_state.is_terminal,
                    failure=failure_to_message(failure),
                )
            )
        case TaskStateChange(state=task_state, worker_id=worker_id, failure=failure):
            message.task_state.CopyFrom(
                event_pb2.TaskStateChange(
                    state=TASK_STATES[task_state],
                    worker_id=worker_id,
                    failure=failure_to_message(failure),
                )
            )
        case Progress(completed=completed, total=total, unit=unit):
            message.progress.CopyFrom(
                event_pb2.Progress(completed=completed, total=total, unit=unit)
            )
        case Metric(step=step, values=values):
            message.metric.CopyFrom(event_pb2.Metric(step=step, values=values))
        case LogLines(stream=stream, lines=lines):
            message.log.CopyFrom(event_pb2.LogLines(stream=LOG_STREAMS[stream], lines=lines))
        case ProducedOutput() as output:
            message.output.CopyFrom(output_to_message(output))
    return message


def drafts_from_message(message: dispatch_pb.AttemptEvents) -> list[EventDraft]:
    """What an attempt reports, numbered as it numbers it.

    Raises:
        InvalidInput: A worker may not report this type of event.
    """
    return [
        EventDraft(
            time=event.time.ToDatetime(UTC),
            payload=_payload_from_message(event),
            task_id=message.ref.task_id,
            attempt=message.ref.attempt,
            source_sequence=number,
        )
        for number, event in enumerate(message.events, message.first_source_sequence)
    ]


def _payload_from_message(event: event_pb2.Event) -> Payload:
    match event.WhichOneof("payload"):
        case "progress":
            progress = event.progress
            return Progress(completed=progress.completed, total=progress.total, unit=progress.unit)
        case "metric":
            metric = event.metric
            step = metric.step if metric.HasField("step") else None
            return Metric(step=step, values=dict(metric.values))
        case "log":
            stream = _LOG_STREAMS_BACK.get(event.log.stream, LogStream.STDOUT)
            return LogLines(stream=stream, lines=tuple(event.log.lines))
        case "output":
            return output_from_message(event.output)
        case other:
            raise InvalidInput(f"a worker may not report events of type {other}")


def ref_from_message(message: dispatch_pb.AttemptRef) -> AttemptRef:
    """A message as an attempt's name."""
    return AttemptRef(task_id=TaskId(message.task_id), number=message.attempt)


def ref_to_message(ref: AttemptRef) -> dispatch_pb.AttemptRef:
    """An attempt's name as a message."""
    return dispatch_pb.AttemptRef(task_id=ref.task_id, attempt=ref.number)


def end_from_message(message: dispatch_pb.AttemptFinished) -> AttemptEnd:
    """How a worker says that an attempt ended.

    Raises:
        InvalidInput: The outcome or an output's type is none.
    """
    if message.outcome not in _OUTCOMES_BACK:
        raise InvalidInput(f"attempt outcome {message.outcome} is unknown")
    return AttemptEnd(
        outcome=_OUTCOMES_BACK[message.outcome],
        failure=failure_from_message(message.failure) if message.HasField("failure") else None,
        outputs=tuple(output_from_message(output) for output in message.outputs),
    )


def assignment_record(job: Job, task: Task) -> dispatch_pb.OrchestratorRecord:
    """The order to run a task."""
    return dispatch_pb.OrchestratorRecord(
        assignment=dispatch_pb.Assignment(
            ref=ref_to_message(task.current),
            job_id=job.id,
            kind=job.spec.kind,
            spec_json=job.spec.spec_json,
            task_json=task.task_json,
            code_artifact_id=job.spec.code_artifact_id,
            resources=resources_to_message(task.resources),
            attempt_timeout=to_duration(job.spec.attempt_timeout),
            owner=job.owner,
            project=job.project,
            job_name=job.spec.name,
        )
    )


def stop_record(
    ref: AttemptRef, reason: "dispatch_pb.StopAttempt.Reason.ValueType", grace: timedelta
) -> dispatch_pb.OrchestratorRecord:
    """The order to stop an attempt."""
    return dispatch_pb.OrchestratorRecord(
        stop=dispatch_pb.StopAttempt(
            ref=ref_to_message(ref), reason=reason, grace=to_duration(grace)
        )
    )


def worker_from_register(message: dispatch_pb.Register, now: datetime) -> Worker:
    """A worker's introduction."""
    return Worker(
        id=WorkerId(message.worker_id),
        instance_id=message.instance_id,
        version=message.version,
        hostname=message.hostname,
        capacity=resources_from_message(message.capacity),
        slots=message.slots,
        is_draining=False,
        create_time=now,
        register_time=now,
    )


def worker_to_message(
    worker: Worker,
    state: WorkerState,
    last_seen: datetime | None,
    running_task_ids: Sequence[TaskId],
) -> worker_pb2.Worker:
    """A worker as a message."""
    return worker_pb2.Worker(
        id=worker.id,
        state=WORKER_STATES[state],
        capacity=resources_to_message(worker.capacity),
        slots=worker.slots,
        running_task_ids=running_task_ids,
        version=worker.version,
        hostname=worker.hostname,
        create_time=to_timestamp(worker.create_time),
        last_seen_time=to_timestamp(last_seen),
    )
