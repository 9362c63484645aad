"""What changes in a job when something happens to its tasks: pure, from values to values.

Each function takes the job and the tasks concerned as they are, and returns them as they shall be,
with the events that tell it. Who calls them makes the whole change durable in one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tensorfleet.kinds.outcome import ProducedOutput
from tensorfleet.orchestrator.event import EventDraft, JobStateChange, TaskStateChange
from tensorfleet.orchestrator.failure import CANCELLED, WORKER_LOST, Failure
from tensorfleet.orchestrator.job import Job, follow_tasks, recount
from tensorfleet.orchestrator.retry import AttemptOutcome, next_run
from tensorfleet.orchestrator.task import (
    AttemptRef,
    Task,
    TaskState,
    change_state,
    check_current,
    end_attempt,
    start_attempt,
)
from tensorfleet.shared.ids import WorkerId


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChange:
    """A job and some of its tasks after a change, with the events that tell it."""

    job: Job
    tasks: tuple[Task, ...]
    events: tuple[EventDraft, ...]
    at_front: bool = False
    """Whether tasks that are queued again go before the others of their priority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnd:
    """How an attempt ended, as its worker tells it or as its silence does."""

    outcome: AttemptOutcome
    failure: Failure | None = None
    outputs: tuple[ProducedOutput, ...] = ()


def start(job: Job, task: Task, worker_id: WorkerId, now: datetime) -> JobChange:
    """A worker takes a queued task."""
    started = start_attempt(task, worker_id, now)
    return _change(job, [(task, started, None)], now)


def finish(
    job: Job, task: Task, ref: AttemptRef, end: AttemptEnd, now: datetime, jitter: float
) -> JobChange:
    """A task's attempt ended.

    A cancelled job's task does not run again, whatever ended it, unless it succeeded in time.

    Raises:
        LeaseLost: The attempt is not the task's running one.
    """
    check_current(task, ref)
    outcomes = [a.outcome for a in task.attempts[:-1] if a.outcome] + [end.outcome]
    again = None
    if end.outcome is AttemptOutcome.SUCCEEDED:
        state, failure = TaskState.SUCCEEDED, None
    elif job.cancel_request_time is not None or end.outcome is AttemptOutcome.CANCELLED:
        state = TaskState.CANCELLED
        failure = end.failure or Failure(reason=CANCELLED, message="cancelled by a user")
    elif again := next_run(job.spec.retry, outcomes, jitter):
        state, failure = TaskState.QUEUED, end.failure
    else:
        state, failure = TaskState.FAILED, end.failure
    ended = end_attempt(task, state, end.outcome, failure, now)
    if again:
        ended = replace(ended, ready_time=now + again.delay)
    if state is TaskState.SUCCEEDED:
        job = replace(job, outputs=(*job.outputs, *end.outputs))
    elif state is TaskState.FAILED and job.failure is None:
        job = replace(job, failure=failure)
    change = _change(job, [(task, ended, failure)], now)
    return replace(change, at_front=bool(again and again.at_front))


def lose(job: Job, task: Task, ref: AttemptRef, now: datetime) -> JobChange:
    """A task's attempt was not renewed in time.

    Raises:
        LeaseLost: The attempt is not the task's running one.
    """
    check_current(task, ref)
    worker = task.attempts[-1].worker_id
    failure = Failure(
        reason=WORKER_LOST,
        message=f"worker {worker} did not renew its lease; the task goes on elsewhere",
    )
    end = AttemptEnd(outcome=AttemptOutcome.LOST, failure=failure)
    return finish(job, task, ref, end, now, jitter=0.0)


def cancel(job: Job, tasks: tuple[Task, ...], now: datetime) -> JobChange:
    """A user wants the job to stop: queued tasks end now, running ones when they have stopped."""
    if job.state.is_terminal or job.cancel_request_time is not None:
        return JobChange(job=job, tasks=(), events=())
    failure = Failure(reason=CANCELLED, message="cancelled by a user")
    ended = [
        (task, change_state(task, TaskState.CANCELLED), failure)
        for task in tasks
        if task.state is TaskState.QUEUED
    ]
    return _change(replace(job, cancel_request_time=now), ended, now)


def _change(
    job: Job, tasks: Sequence[tuple[Task, Task, Failure | None]], now: datetime
) -> JobChange:
    events = []
    state_before = job.state
    for before, after, failure in tasks:
        job = recount(job, before.state, after.state)
        events.append(
            EventDraft(
                time=now,
                task_id=after.id,
                attempt=len(after.attempts),
                payload=TaskStateChange(
                    state=after.state,
                    worker_id=after.attempts[-1].worker_id if after.attempts else "",
                    failure=failure,
                ),
            )
        )
    job = follow_tasks(job, now)
    if job.state is not state_before:
        payload = JobStateChange(state=job.state, failure=job.failure)
        told = EventDraft(time=now, payload=payload)
        # A job starts before its first task does, and ends after its last one.
        events.insert(len(events) if job.state.is_terminal else 0, told)
    return JobChange(job=job, tasks=tuple(after for _, after, _ in tasks), events=tuple(events))
