"""A task: its states, its attempts, and the rules by which they change."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from tensorfleet.orchestrator.failure import Failure
from tensorfleet.orchestrator.retry import AttemptOutcome
from tensorfleet.shared.errors import LeaseLost, TensorFleetError
from tensorfleet.shared.ids import JobId, TaskId, WorkerId


class TaskState(Enum):
    """Where a task is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing follows, unless a user retries the job."""
        return self in _TERMINAL


# From FAILED and CANCELLED only a user's retry leads back.
TASK_TRANSITIONS: dict[TaskState, frozenset[TaskState]] = {
    TaskState.QUEUED: frozenset({TaskState.RUNNING, TaskState.CANCELLED}),
    TaskState.RUNNING: frozenset(
        {TaskState.QUEUED, TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED}
    ),
    TaskState.SUCCEEDED: frozenset(),
    TaskState.FAILED: frozenset({TaskState.QUEUED}),
    TaskState.CANCELLED: frozenset({TaskState.QUEUED}),
}

_TERMINAL = frozenset({TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED})


class AttemptRef(NamedTuple):
    """An attempt by its task and number: the fencing token.

    A tuple, because it is the key of everything that is kept for each running task.
    """

    task_id: TaskId
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try at a task on one worker."""

    number: int
    worker_id: WorkerId
    start_time: datetime
    end_time: datetime | None = None
    outcome: AttemptOutcome | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The unit that one worker runs."""

    id: TaskId
    job_id: JobId
    index: int
    state: TaskState
    task_json: str
    create_time: datetime
    ready_time: datetime
    """From when it may run: its creation, or the end of a backoff."""
    attempts: tuple[Attempt, ...] = ()
    result_json: str = ""
    """The kind's own result of a task that succeeded."""
    reported_through: int = 0
    """How many events of the latest attempt are recorded."""
    retry_base: int = 0
    """Attempts from before a user's retry: they do not count against the limits any more."""

    @property
    def current(self) -> AttemptRef:
        """The attempt that runs, or the latest one; number 0 before the first."""
        return AttemptRef(task_id=self.id, number=len(self.attempts))


def change_state(task: Task, state: TaskState) -> Task:
    """The task in a new state.

    Raises:
        TensorFleetError: The table of transitions does not allow it; a defect, not a user's error.
    """
    _check_transition(task, state)
    return replace(task, state=state)


def _check_transition(task: Task, state: TaskState) -> None:
    if state not in TASK_TRANSITIONS[task.state]:
        raise TensorFleetError(f"task {task.id} cannot go from {task.state} to {state}")


def start_attempt(task: Task, worker_id: WorkerId, now: datetime) -> Task:
    """The queued task on a worker, with its next attempt."""
    attempt = Attempt(number=len(task.attempts) + 1, worker_id=worker_id, start_time=now)
    _check_transition(task, TaskState.RUNNING)
    return replace(
        task,
        state=TaskState.RUNNING,
        attempts=(*task.attempts, attempt),
        reported_through=0,
    )


def is_current(task: Task, ref: AttemptRef, worker_id: WorkerId | None) -> bool:
    """Whether the attempt is the task's running one; with a worker, only when it runs there."""
    return (
        task.state is TaskState.RUNNING
        and len(task.attempts) == ref.number
        and (worker_id is None or task.attempts[-1].worker_id == worker_id)
    )


def check_current(task: Task, ref: AttemptRef, worker_id: WorkerId | None = None) -> None:
    """Whether a report may take effect.

    Raises:
        LeaseLost: The attempt is not the task's running one, or it runs on another worker.
    """
    if not is_current(task, ref, worker_id):
        raise LeaseLost(
            f"attempt {ref.number} of task {ref.task_id} is not current: the task is "
            f"{task.state.value} at attempt {task.current.number}"
        )


def end_attempt(
    task: Task,
    state: TaskState,
    outcome: AttemptOutcome,
    failure: Failure | None,
    now: datetime,
    *,
    ready_time: datetime | None = None,
    result_json: str = "",
) -> Task:
    """The running task after its attempt ended: in a final state, or queued again."""
    ended = replace(task.attempts[-1], end_time=now, outcome=outcome, failure=failure)
    _check_transition(task, state)
    return replace(
        task,
        state=state,
        attempts=(*task.attempts[:-1], ended),
        ready_time=ready_time or task.ready_time,
        result_json=result_json,
    )
