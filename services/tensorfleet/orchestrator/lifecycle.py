"""What the orchestrator does to jobs: each step durable in the store first, then told to Redis.

Redis may fail at any point after the store has answered: the reconciler makes up for it.
"""

import hashlib
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import structlog

from tensorfleet.kinds.registry import find_kind
from tensorfleet.orchestrator import job_changes
from tensorfleet.orchestrator.event import EventDraft, JobStateChange
from tensorfleet.orchestrator.failure import Failure
from tensorfleet.orchestrator.job import Job, JobSpec, JobState
from tensorfleet.orchestrator.job_changes import AttemptEnd, JobChange
from tensorfleet.orchestrator.queue import QueueEntry, TaskQueue
from tensorfleet.orchestrator.retry import AttemptOutcome
from tensorfleet.orchestrator.signals import EventsAdded, Signals, StopAsked, TasksReady
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.orchestrator.task import AttemptRef, Task, TaskState
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.errors import FieldError, InvalidJob, JobNotFound, LeaseLost, Unavailable
from tensorfleet.shared.ids import JobId, TaskId, WorkerId, new_job_id, task_id

log = structlog.get_logger(__name__)


class JobLifecycle:
    """Creates, starts, ends and cancels."""

    def __init__(
        self,
        store: OrchestratorStore,
        queue: TaskQueue,
        signals: Signals,
        clock: Clock,
        random_fraction: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._queue = queue
        self._signals = signals
        self._clock = clock
        self._random_fraction = random_fraction

    async def create(self, spec: JobSpec, *, owner: str, project: str, request_id: str) -> Job:
        """Accepts a job: checked by its kind, planned into tasks, stored, queued.

        Raises:
            UnknownKind: No kind has this name.
            InvalidJob: The spec is wrong.
            IdempotencyConflict: The request id was used for another job.
        """
        now = self._clock()
        job, tasks = plan_job(spec, owner=owner, project=project, request_id=request_id, now=now)
        told = EventDraft(time=now, payload=JobStateChange(state=JobState.PENDING))
        stored = await self._store.create_job(job, tasks, [told])
        if stored.id == job.id:
            log.info("job created", job_id=job.id, kind=spec.kind, tasks=len(tasks))
            await self._enqueue([queue_entry(job, task, now) for task in tasks])
        return stored

    async def start(self, ref: AttemptRef, worker_id: WorkerId) -> tuple[Job, Task] | None:
        """Makes a claimed task's attempt durable; None when the task does not wait any more."""
        now = self._clock()

        def rule(job: Job, tasks: tuple[Task, ...]) -> JobChange:
            (task,) = _the_task(tasks, ref)
            if task.state is not TaskState.QUEUED or len(task.attempts) + 1 != ref.number:
                raise LeaseLost(f"task {task.id} does not wait")
            return job_changes.start(job, task, worker_id, now)

        try:
            change = await self._change(_job_id_of(ref.task_id), [ref.task_id], rule)
        except (LeaseLost, JobNotFound):
            await self._queue.release([ref])
            return None
        return change.job, change.tasks[0]

    async def finish(self, ref: AttemptRef, end: AttemptEnd) -> None:
        """Records the end of an attempt, once.

        Raises:
            LeaseLost: The attempt is not current; its end is void.
        """
        now, jitter = self._clock(), self._random_fraction()

        def rule(job: Job, tasks: tuple[Task, ...]) -> JobChange:
            (task,) = _the_task(tasks, ref)
            return job_changes.finish(job, task, ref, judged(job, end), now, jitter)

        await self._end(ref, rule)

    async def lose(self, ref: AttemptRef) -> None:
        """Ends an attempt whose lease ran out, if it is still current."""
        now = self._clock()

        def rule(job: Job, tasks: tuple[Task, ...]) -> JobChange:
            (task,) = _the_task(tasks, ref)
            return job_changes.lose(job, task, ref, now)

        try:
            await self._end(ref, rule)
            log.warning("attempt lost", task_id=ref.task_id, attempt=ref.number)
        except LeaseLost:
            # It ended otherwise, or it was claimed but never started: then the task still waits,
            # and the reconciler queues it again.
            await self._queue.release([ref])

    async def _end(
        self, ref: AttemptRef, rule: Callable[[Job, tuple[Task, ...]], JobChange]
    ) -> None:
        change = await self._change(_job_id_of(ref.task_id), [ref.task_id], rule)
        await self._queue_quietly(self._queue.release([ref]))
        (task,) = change.tasks
        if task.state is TaskState.QUEUED:
            entry = queue_entry(change.job, task, self._clock())
            if change.at_front:
                entry = replace(entry, is_at_front=True, queued_since=task.create_time)
            await self._enqueue([entry])
        if change.job.state.is_terminal:
            log.info("job ended", job_id=change.job.id, state=change.job.state.value)

    async def cancel(self, job_id: JobId, project: str) -> Job:
        """Asks a job to stop. A job that has ended, or is stopping already, stays as it is.

        Raises:
            JobNotFound: There is none in the project.
        """
        await self._store.get_job(job_id, project)
        now = self._clock()
        change = await self._change(
            job_id, None, lambda job, tasks: job_changes.cancel(job, tasks, now)
        )
        await self._queue_quietly(
            self._queue.release(
                [AttemptRef(task_id=t.id, number=len(t.attempts) + 1) for t in change.tasks]
            )
        )
        await self.ask_to_stop(change.job)
        return change.job

    async def ask_to_stop(self, job: Job) -> None:
        """Tells whoever holds the session to stop a cancelled job's running tasks."""
        if job.state.is_terminal or job.cancel_request_time is None:
            return
        after = -1
        while tasks := await self._store.list_tasks(
            job.id, state=TaskState.RUNNING, after_index=after, limit=500
        ):
            for task in tasks:
                await self._signals.send(StopAsked(task_id=task.id, attempt=task.current.number))
            after = tasks[-1].index

    async def report(self, ref: AttemptRef, drafts: Sequence[EventDraft]) -> None:
        """Adds what an attempt reports to its job's events.

        Raises:
            LeaseLost: The attempt is not current.
        """
        job_id = _job_id_of(ref.task_id)
        await self._store.append_events(job_id, ref, drafts)
        await self._signals.send(EventsAdded(job_id=job_id))

    async def renew(self, worker_id: WorkerId, refs: Sequence[AttemptRef]) -> list[AttemptRef]:
        """Renews leases. Returns the attempts that are not the worker's any more."""
        unknown = await self._queue.renew(worker_id, refs)
        # No lease in Redis may mean that Redis lost it: the store knows whose the task is.
        lost = [ref for ref in unknown if not await self.is_current(worker_id, ref)]
        await self._queue.grant_leases([ref for ref in unknown if ref not in lost])
        return lost

    async def is_current(self, worker_id: WorkerId, ref: AttemptRef) -> bool:
        """Whether the attempt is its task's running one, and on this worker."""
        task = await self._store.get_task(ref.task_id)
        return (
            task is not None
            and task.state is TaskState.RUNNING
            and task.current == ref
            and task.attempts[-1].worker_id == worker_id
        )

    async def _change(
        self,
        job_id: JobId,
        task_ids: Sequence[TaskId] | None,
        rule: Callable[[Job, tuple[Task, ...]], JobChange],
    ) -> JobChange:
        change = await self._store.change_job(job_id, task_ids, rule)
        if change.events:
            await self._signals.send(EventsAdded(job_id=job_id))
        return change

    async def _enqueue(self, entries: Sequence[QueueEntry]) -> None:
        await self._queue_quietly(self._queue.enqueue(entries))
        await self._signals.send(TasksReady())

    async def _queue_quietly(self, step: Awaitable[object]) -> None:
        try:
            await step
        except Unavailable as exc:
            log.warning("queue not told", problem=str(exc))


def plan_job(
    spec: JobSpec, *, owner: str, project: str, request_id: str, now: datetime
) -> tuple[Job, list[Task]]:
    """A new job and its tasks, from what the user asked.

    Raises:
        UnknownKind: No kind has this name.
        InvalidJob: The spec is wrong.
    """
    kind = find_kind(spec.kind)
    parsed = kind.parse_spec(decode_spec(spec.spec_json))
    if kind.needs_code(parsed) and not spec.code_artifact_id:
        message = f"a {spec.kind} job needs the user's code; give its folder as `code`"
        raise InvalidJob(message, (FieldError(field="code", message=message),))
    job_id = new_job_id()
    tasks = [
        Task(
            id=task_id(job_id, index),
            job_id=job_id,
            index=index,
            state=TaskState.QUEUED,
            resources=spec.resources,
            task_json=msgspec.json.encode(plan).decode(),
            create_time=now,
            ready_time=now,
        )
        for index, plan in enumerate(kind.plan(parsed))
    ]
    job = Job(
        id=job_id,
        spec=spec,
        state=JobState.PENDING,
        owner=owner,
        project=project,
        create_time=now,
        task_counts={TaskState.QUEUED: len(tasks)},
        request_id=request_id,
        request_digest=_digest(spec),
    )
    return job, tasks


def decode_spec(spec_json: str) -> dict[str, object]:
    """The kind's own part of a job.

    Raises:
        InvalidJob: It is not a JSON object.
    """
    try:
        return msgspec.json.decode(spec_json or "{}", type=dict[str, object])
    except msgspec.DecodeError as exc:
        message = f"spec is not a JSON object: {exc}"
        raise InvalidJob(message, (FieldError(field="spec", message=str(exc)),)) from exc


def judged(job: Job, end: AttemptEnd) -> AttemptEnd:
    """An attempt's end after its kind has looked at what it produced."""
    if end.outcome is not AttemptOutcome.SUCCEEDED:
        return end
    kind = find_kind(job.spec.kind)
    shortfall = kind.judge(kind.parse_spec(decode_spec(job.spec.spec_json)), end.outputs)
    if shortfall is None:
        return end
    failure = Failure(reason=shortfall.reason, message=shortfall.message, exit_code=0)
    return AttemptEnd(outcome=AttemptOutcome.FAILED, failure=failure)


def queue_entry(job: Job, task: Task, now: datetime) -> QueueEntry:
    """A waiting task as the queue knows it."""
    return QueueEntry(
        ref=AttemptRef(task_id=task.id, number=len(task.attempts) + 1),
        priority=job.spec.priority,
        resources=task.resources,
        delay=max(task.ready_time - now, timedelta(0)),
    )


def _job_id_of(of_task: TaskId) -> JobId:
    return JobId(of_task.rpartition("-")[0])


def _the_task(tasks: tuple[Task, ...], ref: AttemptRef) -> tuple[Task]:
    if len(tasks) != 1:
        raise LeaseLost(f"there is no task {ref.task_id}")
    return (tasks[0],)


def _digest(spec: JobSpec) -> str:
    return hashlib.sha256(msgspec.json.encode(spec, order="deterministic")).hexdigest()
