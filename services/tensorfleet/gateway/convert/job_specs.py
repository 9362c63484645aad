"""What a user asks for, from REST to protobuf, and changes of it."""

from collections.abc import Mapping
from datetime import timedelta

from google.protobuf.field_mask_pb2 import FieldMask
from msgspec import UNSET

from tensorfleet.gateway.convert import words
from tensorfleet.gateway.convert.values import to_text, to_time
from tensorfleet.orchestrator.v1 import job_pb2, job_service_pb2, resources_pb2
from tensorfleet.shared.rest import job_changes, jobs
from tensorfleet.shared.rest.job_files import memory_bytes


def to_job_spec(asked: jobs.CreateJob) -> job_pb2.JobSpec:
    """A checked job request as the orchestrator takes it; what is not asked for stays absent."""
    needs = asked.resources
    spec = job_pb2.JobSpec(
        kind=asked.kind,
        name=asked.name,
        spec_json=to_text(asked.spec),
        code_artifact_id=asked.code,
        priority=words.number_of(words.PRIORITIES, asked.priority),
        resources=resources_pb2.Resources(
            cpus=needs.cpus or 0.0,
            memory_bytes=0 if needs.memory is None else memory_bytes(needs.memory),
            gpus=needs.gpus,
            gpu_kind=needs.gpu_kind,
            labels=needs.labels,
            exclusive=needs.exclusive,
        ),
        retry=_to_retry_policy(asked),
        labels=asked.labels,
        preemptible=asked.preemptible,
        after_job_ids=asked.after,
        gang=asked.gang,
    )
    if asked.timeout_seconds is not None:
        spec.attempt_timeout.FromTimedelta(timedelta(seconds=asked.timeout_seconds))
    if asked.not_before_time is not None:
        spec.not_before_time.FromDatetime(asked.not_before_time)
    return spec


def _to_retry_policy(asked: jobs.CreateJob) -> job_pb2.RetryPolicy:
    policy = job_pb2.RetryPolicy(
        max_attempts=asked.max_attempts,
        rules=[
            job_pb2.RetryRule(
                reasons=rule.reasons,
                exit_codes=rule.exit_codes,
                log_pattern=rule.log_pattern,
                max_retries=rule.max_retries,
            )
            for rule in asked.retry_rules
        ],
    )
    if asked.initial_backoff_seconds is not None:
        policy.initial_backoff.FromTimedelta(timedelta(seconds=asked.initial_backoff_seconds))
    if asked.max_backoff_seconds is not None:
        policy.max_backoff.FromTimedelta(timedelta(seconds=asked.max_backoff_seconds))
    return policy


def to_retry_rule(rule: job_pb2.RetryRule) -> jobs.RetryRule:
    """A rule for a client."""
    return jobs.RetryRule(
        reasons=list(rule.reasons),
        exit_codes=list(rule.exit_codes),
        log_pattern=rule.log_pattern,
        max_retries=rule.max_retries,
    )


def to_update_request(
    job_id: str, changes: job_changes.UpdateJob, present_labels: Mapping[str, str]
) -> job_service_pb2.UpdateJobRequest:
    """A merge patch as the orchestrator takes it: labels as a whole, the rest as it is.

    Args:
        present_labels: What the changes of labels go over.
    """
    spec, paths = job_pb2.JobSpec(), []
    if changes.priority is not UNSET:
        spec.priority = words.number_of(words.PRIORITIES, changes.priority or "normal")
        paths.append("spec.priority")
    if changes.name is not UNSET:
        spec.name = changes.name or ""
        paths.append("spec.name")
    if changes.labels is not UNSET:
        merged = {} if changes.labels is None else {**present_labels, **changes.labels}
        spec.labels.update({name: value for name, value in merged.items() if value is not None})
        paths.append("spec.labels")
    return job_service_pb2.UpdateJobRequest(
        job=job_pb2.Job(id=job_id, spec=spec), update_mask=FieldMask(paths=paths)
    )


def to_explanation(
    job: job_pb2.Job, answer: job_service_pb2.ExplainJobResponse
) -> job_changes.Explanation:
    """Why a job waits, for a client."""
    return job_changes.Explanation(
        job_id=job.id,
        state=words.JOB_STATES[job.state],
        queue_position=answer.queue_position,
        blockers=[
            job_changes.Blocker(reason=blocker.reason, message=blocker.message)
            for blocker in answer.blockers
        ],
        estimated_start_time=to_time(answer, "estimated_start_time"),
    )
