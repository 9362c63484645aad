"""The waiting tasks of jobs as entries of the queue."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import structlog

from tensorfleet.orchestrator.job import Job, JobState
from tensorfleet.orchestrator.queue.line_codec import LineKind, line_of_job
from tensorfleet.orchestrator.queue.members import entry_name
from tensorfleet.orchestrator.queue.task_queue import QueueEntry, TaskQueue
from tensorfleet.orchestrator.scheduling.placement import Policy
from tensorfleet.orchestrator.signals import Signals, TasksReady
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.orchestrator.task import AttemptRef, Task, TaskState
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.errors import Unavailable
from tensorfleet.shared.gathering import Gathering
from tensorfleet.shared.ids import JobId

PAGE = 1_000

log = structlog.get_logger(__name__)


class Backlog:
    """Puts what may run into the queue, and takes out what may not.

    What Redis does not take now is made up for: `is_behind` asks the reconciler for a full pass.
    """

    def __init__(
        self,
        store: OrchestratorStore,
        queue: TaskQueue,
        signals: Signals,
        clock: Clock,
        policy: Policy,
    ) -> None:
        self._store = store
        self._queue = queue
        self._signals = signals
        self._clock = clock
        self._with_code = policy is Policy.AFFINITY
        self.is_behind = False
        self._adding = Gathering(self._enqueue, most=1_000)

    async def flush(self) -> None:
        """Waits until what was put is in the queue; before the connection to Redis closes."""
        await self._adding.flush()

    def line(self, job: Job) -> LineKind:
        """The line in which a job's tasks wait."""
        return line_of_job(job, with_code=self._with_code)

    async def put(self, job: Job, tasks: Sequence[Task], *, at_front: bool = False) -> None:
        """Lets a job's waiting tasks wait in the queue; a gang when all its tasks wait."""
        try:
            await self._adding.add(await self._entries(job, tasks, at_front=at_front))
        except Unavailable as exc:
            self.is_behind = True
            log.warning("queue not told", problem=str(exc))

    async def add_again(self, job: Job, tasks: Sequence[Task]) -> int:
        """Lets tasks wait that should wait already, in their old places, without a signal.

        Returns how many entries are new.

        Raises:
            Unavailable: Redis or the store does not answer.
        """
        return await self._queue.enqueue(await self._entries(job, tasks, in_place=True))

    async def _entries(
        self,
        job: Job,
        tasks: Sequence[Task],
        *,
        at_front: bool = False,
        in_place: bool = False,
    ) -> list[QueueEntry]:
        if not may_wait(job):
            return []
        if job.spec.is_gang:
            if job.task_counts.get(TaskState.RUNNING):
                return []
            tasks = await self.all_waiting(job.id)
        return waiting_entries(
            job, self.line(job), tasks, self._clock(), at_front=at_front, in_place=in_place
        )

    async def _enqueue(self, entries: Sequence[QueueEntry]) -> None:
        if await self._queue.enqueue(entries):
            self._signals.send(TasksReady())

    async def put_all(self, job: Job) -> None:
        """Lets all waiting tasks of a job wait in the queue."""
        await self.put(job, await self.all_waiting(job.id))

    async def remove(self, job: Job, tasks: Sequence[Task]) -> None:
        """Takes tasks out of the queue, as they waited in it."""
        line = self.line(job)
        refs = [next_ref(task) for task in tasks]
        groups = [refs] if line.is_gang and refs else [[ref] for ref in refs]
        try:
            names = [entry_name(group, is_gang=line.is_gang) for group in groups]
            await self._queue.remove(line, names)
        except Unavailable as exc:
            # A claim of them is refused when it is to become durable.
            log.warning("queue not told", problem=str(exc))

    async def all_waiting(self, job_id: JobId) -> list[Task]:
        """The job's queued tasks, by index."""
        found: list[Task] = []
        after = -1
        while tasks := await self._store.list_tasks(
            job_id, state=TaskState.QUEUED, after_index=after, limit=PAGE
        ):
            found += tasks
            after = tasks[-1].index
        return found


def may_wait(job: Job) -> bool:
    """Whether the job's queued tasks may be claimed now, or when their time has come."""
    return (
        job.state in (JobState.PENDING, JobState.RUNNING)
        and job.cancel_request_time is None
        and not job.waits_for
    )


def waiting_entries(
    job: Job,
    line: LineKind,
    tasks: Iterable[Task],
    now: datetime,
    *,
    at_front: bool = False,
    in_place: bool = False,
) -> list[QueueEntry]:
    """A job's queued tasks as the queue knows them; a gang is one entry.

    With `in_place` they have waited since they were ready, otherwise they begin to wait now.
    """
    waiting = [task for task in tasks if task.state is TaskState.QUEUED]
    together = [waiting] if line.is_gang and waiting else [[task] for task in waiting]
    entries = []
    for group in together:
        ready = max(task.ready_time for task in group)
        ready = max(ready, job.spec.not_before or ready)
        since = ready if in_place else None
        entries.append(
            QueueEntry(
                line=line,
                refs=tuple(map(next_ref, group)),
                delay=max(ready - now, timedelta(0)),
                is_at_front=at_front,
                queued_since=job.create_time if at_front else since,
            )
        )
    return entries


def next_ref(task: Task) -> AttemptRef:
    """The attempt that a waiting task will be."""
    return AttemptRef(task_id=task.id, number=len(task.attempts) + 1)
