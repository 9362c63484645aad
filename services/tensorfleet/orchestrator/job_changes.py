"""What changes in a job when something happens to its tasks: pure, from values to values.

Each function takes the job and the tasks concerned as they are, and returns them as they shall be,
with the events that tell it. Who calls them makes the whole change durable in one transaction.
Every change has an event: the sequence of events is the job's version.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tensorfleet.kinds.outcome import ProducedOutput
from tensorfleet.orchestrator.event import EventDraft, JobStateChange, Notice, TaskStateChange
from tensorfleet.orchestrator.failure import CANCELLED, WORKER_LOST, Failure
from tensorfleet.orchestrator.job import Job, JobState, follow_tasks, recount
from tensorfleet.orchestrator.retry import AttemptOutcome, EndedAttempt, next_run
from tensorfleet.orchestrator.task import (
    AttemptRef,
    Task,
    TaskState,
    change_state,
    end_attempt,
    is_current,
    start_attempt,
)
from tensorfleet.shared.errors import JobEnded, JobNotEnded
from tensorfleet.shared.ids import JobId, TaskId, WorkerId

Tasks = Mapping[TaskId, Task]

# A job's document must stay small, however many tasks it has; its events tell of all outputs.
MAX_JOB_OUTPUTS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class JobChange:
    """A job and some of its tasks after a change, with the events that tell it."""

    job: Job
    tasks: tuple[Task, ...] = ()
    events: tuple[EventDraft, ...] = ()
    refused: frozenset[AttemptRef] = frozenset()
    """Attempts that are not current: what was to happen to them has not."""
    at_front: bool = False
    """Whether tasks that are queued again go before the others of their priority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnd:
    """How an attempt ended, as its worker tells it or as its silence does."""

    outcome: AttemptOutcome
    failure: Failure | None = None
    outputs: tuple[ProducedOutput, ...] = ()
    result_json: str = ""


def start(
    job: Job, tasks: Tasks, claimed: Sequence[tuple[AttemptRef, WorkerId]], now: datetime
) -> JobChange:
    """Workers take queued tasks. A gang starts whole or not at all."""
    moves = []
    refused = []
    may_start = job.state is not JobState.PAUSED and job.cancel_request_time is None
    for ref, worker_id in claimed:
        task = tasks.get(ref.task_id)
        if not may_start or not _waits_as(task, ref):
            refused.append(ref)
        else:
            assert task is not None  # noqa: S101  it waits
            moves.append(_Move(task, start_attempt(task, worker_id, now)))
    if job.spec.is_gang and refused:
        return JobChange(job=job, refused=frozenset(ref for ref, _ in claimed))
    return _change(job, moves, now, refused=frozenset(refused))


def _waits_as(task: Task | None, ref: AttemptRef) -> bool:
    return (
        task is not None and task.state is TaskState.QUEUED and len(task.attempts) + 1 == ref.number
    )


def finish(
    job: Job,
    tasks: Tasks,
    worker_id: WorkerId | None,
    ends: Sequence[tuple[AttemptRef, AttemptEnd]],
    now: datetime,
    jitter: Callable[[], float],
) -> JobChange:
    """Attempts ended; with a worker, only those that run there.

    A cancelled job's task does not run again, whatever ended it, unless it succeeded in time.
    """
    moves: list[_Move] = []
    refused = []
    outputs: list[ProducedOutput] = []
    failure = job.failure
    at_front = False
    for ref, end in ends:
        task = tasks.get(ref.task_id)
        if task is None or not is_current(task, ref, worker_id):
            refused.append(ref)
            continue
        move, is_at_front = _end_of(job, task, end, now, jitter)
        at_front = at_front or is_at_front
        moves.append(move)
        if move.after.state is TaskState.SUCCEEDED:
            outputs.extend(end.outputs)
        elif move.after.state is TaskState.FAILED and failure is None:
            failure = move.failure
    if outputs or failure is not job.failure:
        kept = (*job.outputs, *outputs)[:MAX_JOB_OUTPUTS]
        job = replace(job, outputs=kept, failure=failure)
    return _change(job, moves, now, refused=frozenset(refused), at_front=at_front)


def _end_of(
    job: Job, task: Task, end: AttemptEnd, now: datetime, jitter: Callable[[], float]
) -> tuple["_Move", bool]:
    if end.outcome is AttemptOutcome.SUCCEEDED:
        ended = end_attempt(
            task, TaskState.SUCCEEDED, end.outcome, None, now, result_json=end.result_json
        )
        return _Move(task, ended), False
    failure = end.failure
    ready_time = None
    at_front = False
    if job.cancel_request_time is not None or end.outcome is AttemptOutcome.CANCELLED:
        state = TaskState.CANCELLED
        failure = failure or Failure(reason=CANCELLED, message="cancelled by a user")
    else:
        history = [
            EndedAttempt(outcome=a.outcome, failure=a.failure)
            for a in task.attempts[task.retry_base : -1]
            if a.outcome
        ]
        history.append(EndedAttempt(outcome=end.outcome, failure=failure))
        again = next_run(job.spec.retry, history, jitter())
        state = TaskState.QUEUED if again else TaskState.FAILED
        if again:
            ready_time, at_front = now + again.delay, again.at_front
    ended = end_attempt(task, state, end.outcome, failure, now, ready_time=ready_time)
    return _Move(task, ended, failure), at_front


def lost(task: Task) -> AttemptEnd:
    """The end of an attempt whose lease was not renewed in time."""
    worker = task.attempts[-1].worker_id if task.attempts else ""
    return AttemptEnd(
        outcome=AttemptOutcome.LOST,
        failure=Failure(
            reason=WORKER_LOST,
            message=f"worker {worker} did not renew its lease; the task goes on elsewhere",
        ),
    )


def report(
    job: Job,
    tasks: Tasks,
    ref: AttemptRef,
    worker_id: WorkerId | None,
    drafts: Sequence[EventDraft],
) -> JobChange:
    """An attempt tells what happened in it; what was told before is skipped."""
    task = tasks.get(ref.task_id)
    if task is None or not is_current(task, ref, worker_id):
        return JobChange(job=job, refused=frozenset({ref}))
    new = tuple(draft for draft in drafts if draft.source_sequence > task.reported_through)
    if not new:
        return JobChange(job=job)
    told = replace(task, reported_through=new[-1].source_sequence)
    return JobChange(job=job, tasks=(told,), events=new)


def cancel(
    job: Job, tasks: Tasks, now: datetime, reason: str = "", failure: Failure | None = None
) -> JobChange:
    """The job shall stop: queued tasks end now, running ones when they have stopped."""
    if job.state.is_terminal or job.cancel_request_time is not None:
        return JobChange(job=job)
    failure = failure or Failure(
        reason=CANCELLED,
        message=f"cancelled by a user: {reason}" if reason else "cancelled by a user",
    )
    moves = [
        _Move(task, change_state(task, TaskState.CANCELLED), failure)
        for task in tasks.values()
        if task.state is TaskState.QUEUED
    ]
    job = replace(job, cancel_request_time=now, failure=job.failure or failure)
    asked = Notice(reason="CANCEL_REQUESTED", message=failure.message)
    first = [EventDraft(time=now, payload=asked)]
    if job.state is JobState.PAUSED and job.task_counts.get(TaskState.RUNNING):
        job = replace(job, state=JobState.RUNNING)
        first.append(EventDraft(time=now, payload=JobStateChange(state=job.state)))
    return _change(job, moves, now, first=first)


def cancel_waiting(job: Job, tasks: Tasks, now: datetime) -> JobChange:
    """Some queued tasks of a job that shall stop end now: large jobs stop in several steps."""
    if job.state.is_terminal or job.cancel_request_time is None:
        return JobChange(job=job)
    failure = job.failure or Failure(reason=CANCELLED, message="cancelled by a user")
    moves = [
        _Move(task, change_state(task, TaskState.CANCELLED), failure)
        for task in tasks.values()
        if task.state is TaskState.QUEUED
    ]
    return _change(job, moves, now)


def pause(job: Job, now: datetime) -> JobChange:
    """No further task of the job starts.

    Raises:
        JobEnded: It has ended.
    """
    _check_open(job)
    if job.state is JobState.PAUSED:
        return JobChange(job=job)
    return _in_state(job, JobState.PAUSED, now)


def resume(job: Job, now: datetime) -> JobChange:
    """Undoes a pause.

    Raises:
        JobEnded: It has ended.
    """
    _check_open(job)
    if job.state is not JobState.PAUSED:
        return JobChange(job=job)
    return _in_state(job, _open_state(job), now)


def retry(job: Job, tasks: Tasks, now: datetime, *, is_further: bool = False) -> JobChange:
    """Failed and cancelled tasks of an ended job wait again, with all their attempts to come.

    Args:
        is_further: Whether others of the job's tasks wait again already: it may be open then, and
            stays as it is when it was cancelled or has succeeded meanwhile.

    Raises:
        JobNotEnded: It has not ended, or it succeeded and has nothing to do again.
    """
    has_failed = job.state in (JobState.FAILED, JobState.CANCELLED)
    if is_further and (job.cancel_request_time is not None or job.state is JobState.SUCCEEDED):
        return JobChange(job=job)
    if not has_failed and not is_further:
        raise JobNotEnded(
            f"job {job.id} is {job.state.value}; only a failed or cancelled job can be retried"
        )
    moves = [
        _Move(
            task,
            replace(
                change_state(task, TaskState.QUEUED),
                ready_time=now,
                retry_base=len(task.attempts),
            ),
        )
        for task in tasks.values()
        if task.state in (TaskState.FAILED, TaskState.CANCELLED)
    ]
    counted = recount(job, ((move.before.state, move.after.state) for move in moves))
    events = tuple(move.event(now) for move in moves)
    if has_failed:
        counted = replace(
            counted,
            state=_open_state(counted),
            end_time=None,
            failure=None,
            cancel_request_time=None,
            waits_for=frozenset(),
        )
        told = EventDraft(time=now, payload=JobStateChange(state=counted.state))
        events = (told, *events)
    return JobChange(job=counted, tasks=tuple(move.after for move in moves), events=events)


def update(job: Job, changed: Job, now: datetime, words: str) -> JobChange:
    """The job with other values in its spec; `words` say which.

    Raises:
        JobEnded: It has ended.
    """
    _check_open(job)
    if changed == job:
        return JobChange(job=job)
    told = EventDraft(time=now, payload=Notice(reason="UPDATED", message=words))
    return JobChange(job=changed, events=(told,))


def release(job: Job, dependency: JobId, now: datetime) -> JobChange:
    """A job that this one waits for has succeeded."""
    if dependency not in job.waits_for or job.state.is_terminal:
        return JobChange(job=job)
    left = job.waits_for - {dependency}
    message = f"{dependency} succeeded"
    if left:
        message += f"; still waiting for {', '.join(sorted(left))}"
    told = EventDraft(time=now, payload=Notice(reason="DEPENDENCY", message=message))
    return JobChange(job=replace(job, waits_for=left), events=(told,))


def notice(job: Job, reason: str, message: str, now: datetime) -> JobChange:
    """Something worth knowing, such as why the job waits; nothing follows a job's end."""
    if job.state.is_terminal:
        return JobChange(job=job)
    told = EventDraft(time=now, payload=Notice(reason=reason, message=message))
    return JobChange(job=job, events=(told,))


def _check_open(job: Job) -> None:
    if job.state.is_terminal or job.cancel_request_time is not None:
        raise JobEnded(f"job {job.id} is {job.state.value} or being cancelled")


def _open_state(job: Job) -> JobState:
    counts = job.task_counts
    untouched = counts.get(TaskState.QUEUED, 0) == job.task_count
    return JobState.PENDING if untouched and job.start_time is None else JobState.RUNNING


def _in_state(job: Job, state: JobState, now: datetime) -> JobChange:
    told = EventDraft(time=now, payload=JobStateChange(state=state))
    return JobChange(job=replace(job, state=state), events=(told,))


@dataclass(frozen=True, slots=True)
class _Move:
    before: Task
    after: Task
    failure: Failure | None = None

    def event(self, now: datetime) -> EventDraft:
        after = self.after
        return EventDraft(
            time=now,
            task_id=after.id,
            attempt=len(after.attempts),
            payload=TaskStateChange(
                state=after.state,
                worker_id=after.attempts[-1].worker_id if after.attempts else "",
                failure=self.failure,
                result_json=after.result_json,
            ),
        )


def _change(
    job: Job,
    moves: Sequence[_Move],
    now: datetime,
    *,
    first: Iterable[EventDraft] = (),
    refused: frozenset[AttemptRef] = frozenset(),
    at_front: bool = False,
) -> JobChange:
    events = list(first)
    if not moves and not events:
        return JobChange(job=job, refused=refused)
    state_before = job.state
    job = follow_tasks(recount(job, ((m.before.state, m.after.state) for m in moves)), now)
    events += [move.event(now) for move in moves]
    if job.state is not state_before:
        payload = JobStateChange(state=job.state, failure=job.failure)
        told = EventDraft(time=now, payload=payload)
        # A job starts before its first task does, and ends after its last one.
        events.insert(len(events) if job.state.is_terminal else 0, told)
    return JobChange(
        job=job,
        tasks=tuple(move.after for move in moves),
        events=tuple(events),
        refused=refused,
        at_front=at_front,
    )
