"""A job: its states, its specification, and how the states of its tasks make its own."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from tensorfleet.kinds.outcome import ProducedOutput
from tensorfleet.orchestrator.failure import CANCELLED, Failure
from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.retry import RetryPolicy
from tensorfleet.orchestrator.task import TaskState
from tensorfleet.shared.errors import TensorFleetError
from tensorfleet.shared.ids import JobId


class JobState(Enum):
    """Where a job is in its life."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing follows, unless a user retries the job."""
        return self in _TERMINAL


# From FAILED and CANCELLED only a user's retry leads back.
JOB_TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    JobState.PENDING: frozenset(
        {JobState.RUNNING, JobState.PAUSED, JobState.FAILED, JobState.CANCELLED}
    ),
    JobState.RUNNING: frozenset(
        {JobState.PAUSED, JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}
    ),
    # What ran already when it was paused may be its last, and end it.
    JobState.PAUSED: frozenset(
        {
            JobState.PENDING,
            JobState.RUNNING,
            JobState.SUCCEEDED,
            JobState.FAILED,
            JobState.CANCELLED,
        }
    ),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset({JobState.PENDING, JobState.RUNNING}),
    JobState.CANCELLED: frozenset({JobState.PENDING, JobState.RUNNING}),
}

_TERMINAL = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED})


class Priority(Enum):
    """Which queue a job's tasks wait in, the most urgent first."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """What a user asked for, with every default filled in."""

    kind: str
    name: str
    spec_json: str
    """The kind's own part, as the user's numbers were written."""
    code_artifact_id: str
    priority: Priority
    resources: Resources
    retry: RetryPolicy
    attempt_timeout: timedelta | None
    labels: dict[str, str] = field(default_factory=dict)
    not_before: datetime | None = None
    is_preemptible: bool = False
    after_job_ids: tuple[JobId, ...] = ()
    is_gang: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One piece of work that a user handed in."""

    id: JobId
    spec: JobSpec
    state: JobState
    owner: str
    project: str
    create_time: datetime
    task_counts: dict[TaskState, int]
    """Tasks by state; states without tasks may be missing."""
    request_id: str = ""
    request_digest: str = ""
    """SHA-256 of the request that created it, to tell a retry from another request."""
    start_time: datetime | None = None
    end_time: datetime | None = None
    failure: Failure | None = None
    outputs: tuple[ProducedOutput, ...] = ()
    cancel_request_time: datetime | None = None
    waits_for: frozenset[JobId] = frozenset()
    """Jobs of `spec.after_job_ids` that have not succeeded yet."""

    @property
    def task_count(self) -> int:
        """All its tasks."""
        return sum(self.task_counts.values())


def recount(job: Job, moves: Iterable[tuple[TaskState, TaskState]]) -> Job:
    """The job after tasks of it went from one state to another."""
    counts = dict(job.task_counts)
    for before, after in moves:
        counts[before] -= 1
        counts[after] = counts.get(after, 0) + 1
    return replace(job, task_counts=counts)


def state_from_tasks(job: Job) -> JobState:
    """The state that the tasks' states give the job.

    It has ended when every task has: FAILED if one failed, else CANCELLED if one was cancelled.
    """
    counts = job.task_counts
    ended = sum(count for state, count in counts.items() if state.is_terminal)
    if ended == job.task_count:
        if counts.get(TaskState.FAILED):
            return JobState.FAILED
        if counts.get(TaskState.CANCELLED):
            return JobState.CANCELLED
        return JobState.SUCCEEDED
    if job.state is JobState.PENDING and not counts.get(TaskState.RUNNING) and not ended:
        return JobState.PENDING
    return JobState.PAUSED if job.state is JobState.PAUSED else JobState.RUNNING


def follow_tasks(job: Job, now: datetime) -> Job:
    """The job in the state that its tasks give it.

    Raises:
        TensorFleetError: The table of transitions does not allow it; a defect, not a user's error.
    """
    state = state_from_tasks(job)
    if state is JobState.RUNNING and job.start_time is None:
        job = replace(job, start_time=now)
    if state is job.state:
        return job
    if state not in JOB_TRANSITIONS[job.state]:
        raise TensorFleetError(f"job {job.id} cannot go from {job.state} to {state}")
    job = replace(job, state=state)
    if not state.is_terminal:
        return job
    if state is JobState.SUCCEEDED:
        job = replace(job, failure=None)
    elif state is JobState.CANCELLED:
        job = replace(
            job,
            failure=job.failure or Failure(reason=CANCELLED, message="cancelled by a user"),
        )
    return replace(job, end_time=now)
