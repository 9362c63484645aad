"""Jobs and their specifications."""

from datetime import timedelta

from tensorfleet.kinds.registry import find_kind
from tensorfleet.orchestrator.convert import words
from tensorfleet.orchestrator.convert.times import to_duration, to_timestamp
from tensorfleet.orchestrator.convert.values import (
    failure_to_message,
    output_to_message,
    resources_to_message,
)
from tensorfleet.orchestrator.job import Job, JobSpec, JobState, Priority
from tensorfleet.orchestrator.resources import (
    Resources,
    resource_problems,
)
from tensorfleet.orchestrator.retry import RetryPolicy
from tensorfleet.orchestrator.v1 import job_pb2
from tensorfleet.shared.errors import FieldError, InvalidJob, Unimplemented

MAX_NAME_LENGTH = 256
MAX_LABELS = 32
MAX_LABEL_LENGTH = 200
MAX_ATTEMPTS = 1000
MAX_SPEC_BYTES = 1024 * 1024


def spec_from_message(message: job_pb2.JobSpec) -> JobSpec:
    """A job's specification with every default filled in.

    Raises:
        InvalidJob: Some values are out of range; it lists all of them.
        UnknownKind: No kind has this name.
        Unimplemented: It asks for what this version does not have.
    """
    refuse_absent_features(message)
    problems: list[FieldError] = []
    needs = message.resources
    default = find_kind(message.kind).default_resources
    resources = Resources(
        cpus=needs.cpus or default.cpus,
        memory_bytes=needs.memory_bytes or default.memory_bytes,
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
        priority=words.PRIORITIES_BACK.get(message.priority, Priority.NORMAL),
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
        priority=words.PRIORITIES[spec.priority],
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
        state=words.JOB_STATES[job.state],
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
    return words.JOB_STATES_BACK.get(number)
