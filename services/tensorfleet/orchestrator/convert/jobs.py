"""Jobs and their specifications."""

from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Any

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
from tensorfleet.orchestrator.retry import RetryPolicy, RetryRule
from tensorfleet.orchestrator.v1 import job_pb2, job_service_pb2
from tensorfleet.shared.errors import FieldError, InvalidInput, InvalidJob
from tensorfleet.shared.ids import JobId

MAX_NAME_LENGTH = 256
MAX_LABELS = 32
MAX_LABEL_LENGTH = 200
MAX_ATTEMPTS = 1000
MAX_BACKOFF_SECONDS = 86_400
# A document of MongoDB may have 16 MiB, a message of gRPC what shared/grpc_server says.
MAX_SPEC_BYTES = 8 * 1024 * 1024
MAX_DEPENDENCIES = 100
MAX_RETRY_RULES = 16
MAX_PATTERN_LENGTH = 256


def spec_from_message(message: job_pb2.JobSpec) -> JobSpec:
    """A job's specification with every default filled in.

    Raises:
        InvalidJob: Some values are out of range; it lists all of them.
        UnknownKind: No kind has this name.
    """
    problems: list[FieldError] = []
    needs = message.resources
    default = find_kind(message.kind).default_resources
    resources = Resources(
        cpus=needs.cpus or default.cpus,
        memory_bytes=needs.memory_bytes or default.memory_bytes,
        gpus=needs.gpus,
        gpu_kind=needs.gpu_kind,
        labels=dict(needs.labels),
        is_exclusive=needs.exclusive if needs.HasField("exclusive") else default.exclusive,
    )
    problems += resource_problems(resources)
    retry = RetryPolicy()
    if message.HasField("retry"):
        retry = retry_from_message(message.retry)
        if not 1 <= retry.max_attempts <= MAX_ATTEMPTS:
            problems.append(
                FieldError(field="max_attempts", message=f"must be 1 to {MAX_ATTEMPTS}")
            )
        problems += retry_problems(message.retry)
    timeout = None
    if message.HasField("attempt_timeout"):
        timeout = message.attempt_timeout.ToTimedelta()
        if timeout <= timedelta(0):
            problems.append(FieldError(field="timeout_seconds", message="must be above 0"))
    if len(message.after_job_ids) > MAX_DEPENDENCIES:
        problems.append(FieldError(field="after", message=f"must be at most {MAX_DEPENDENCIES}"))
    problems += name_problems(message.name)
    problems += label_problems(message.labels)
    if len(message.spec_json) > MAX_SPEC_BYTES:
        problems.append(
            FieldError(
                field="spec", message=f"must be at most {MAX_SPEC_BYTES // 2**20} MiB of JSON"
            )
        )
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
        not_before=message.not_before_time.ToDatetime(UTC)
        if message.HasField("not_before_time")
        else None,
        is_preemptible=message.preemptible,
        after_job_ids=tuple(JobId(i) for i in dict.fromkeys(message.after_job_ids)),
        is_gang=message.gang,
    )


def retry_problems(message: job_pb2.RetryPolicy) -> list[FieldError]:
    """What no retry policy can ask for."""
    problems = []
    if len(message.rules) > MAX_RETRY_RULES:
        problems.append(
            FieldError(field="retry_rules", message=f"must be at most {MAX_RETRY_RULES}")
        )
    for number, rule in enumerate(message.rules):
        if not 0 <= rule.max_retries <= MAX_ATTEMPTS:
            problems.append(
                FieldError(
                    field=f"retry_rules[{number}].max_retries",
                    message=f"must be 0 to {MAX_ATTEMPTS}",
                )
            )
        if len(rule.log_pattern) > MAX_PATTERN_LENGTH:
            problems.append(
                FieldError(
                    field=f"retry_rules[{number}].log_pattern",
                    message=f"must be at most {MAX_PATTERN_LENGTH} characters",
                )
            )
    for name in ("initial_backoff", "max_backoff"):
        if (
            message.HasField(name)
            and not 0 <= getattr(message, name).seconds <= MAX_BACKOFF_SECONDS
        ):
            problems.append(
                FieldError(field=f"{name}_seconds", message=f"must be 0 to {MAX_BACKOFF_SECONDS}")
            )
    return problems


def update_from_message(request: job_service_pb2.UpdateJobRequest) -> dict[str, Any]:
    """What an update changes, as `JobControl.update` takes it.

    Raises:
        InvalidInput: The mask names something else, or nothing, or a value is out of range.
    """
    paths = set(request.update_mask.paths)
    unknown = sorted(paths - {"spec.priority", "spec.labels", "spec.name"})
    if unknown or not paths:
        raise InvalidInput(
            "update_mask must name some of spec.priority, spec.labels and spec.name"
            + (f", not {', '.join(unknown)[:200]}" if unknown else "")
        )
    spec = request.job.spec
    changed: dict[str, Any] = {}
    problems: list[FieldError] = []
    if "spec.priority" in paths:
        changed["priority"] = words.PRIORITIES_BACK.get(spec.priority, Priority.NORMAL)
    if "spec.labels" in paths:
        problems += label_problems(spec.labels)
        changed["labels"] = dict(spec.labels)
    if "spec.name" in paths:
        problems += name_problems(spec.name)
        changed["name"] = spec.name or "job"
    if problems:
        listed = "; ".join(f"{p.field} {p.message}" for p in problems)
        raise InvalidJob(f"the change is not acceptable: {listed}", tuple(problems))
    return changed


def name_problems(name: str) -> list[FieldError]:
    """What is wrong with a job's name."""
    if len(name) <= MAX_NAME_LENGTH and (name or "x").isprintable():
        return []
    message = f"must be at most {MAX_NAME_LENGTH} printable characters"
    return [FieldError(field="name", message=message)]


def label_problems(labels: Mapping[str, str]) -> list[FieldError]:
    """What is wrong with a job's labels."""
    if len(labels) <= MAX_LABELS and all(
        len(key) <= MAX_LABEL_LENGTH and len(value) <= MAX_LABEL_LENGTH
        for key, value in labels.items()
    ):
        return []
    message = f"must be at most {MAX_LABELS}, each of {MAX_LABEL_LENGTH} characters"
    return [FieldError(field="labels", message=message)]


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
        rules=tuple(
            RetryRule(
                reasons=frozenset(rule.reasons),
                exit_codes=frozenset(rule.exit_codes),
                log_pattern=rule.log_pattern,
                max_retries=rule.max_retries,
            )
            for rule in message.rules[:MAX_RETRY_RULES]
        ),
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
            rules=[
                job_pb2.RetryRule(
                    reasons=sorted(rule.reasons),
                    exit_codes=sorted(rule.exit_codes),
                    log_pattern=rule.log_pattern,
                    max_retries=rule.max_retries,
                )
                for rule in spec.retry.rules
            ],
        ),
        attempt_timeout=to_duration(spec.attempt_timeout),
        labels=spec.labels,
        not_before_time=to_timestamp(spec.not_before),
        preemptible=spec.is_preemptible,
        after_job_ids=spec.after_job_ids,
        gang=spec.is_gang,
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
