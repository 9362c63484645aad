"""Brings Redis in line with MongoDB and ends what has fallen silent: runs in every replica.

Each step is safe to repeat and to run twice at once, because only the store's atomic changes count.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

import structlog

from tensorfleet.orchestrator.backlog import Backlog
from tensorfleet.orchestrator.job import Job
from tensorfleet.orchestrator.lifecycle import JobLifecycle
from tensorfleet.orchestrator.queue.task_queue import TaskQueue
from tensorfleet.orchestrator.signals import Signals, TasksReady
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.orchestrator.task import AttemptRef, Task, TaskState
from tensorfleet.orchestrator.worker import FORGET_AFTER
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.errors import Unavailable
from tensorfleet.shared.ids import JobId

TICK_SECONDS = 1.0
# A pass compares the newest waiting tasks and the next part of the others; all of them are only
# read when Redis has lost its data, or did not take something.
PASS_EVERY = timedelta(seconds=15)
TASKS_A_PASS = 5_000
BATCH = 500
# Tasks whose job never came: whoever was creating it has died.
FORGET_UNFINISHED_AFTER = timedelta(hours=1)

log = structlog.get_logger(__name__)


class Reconciler:
    """The loop that notices expired leases, due delays, and an empty or stale Redis."""

    def __init__(
        self,
        store: OrchestratorStore,
        queue: TaskQueue,
        backlog: Backlog,
        lifecycle: JobLifecycle,
        signals: Signals,
        clock: Clock,
        *,
        keep_event_bytes: int,
    ) -> None:
        self._store = store
        self._queue = queue
        self._backlog = backlog
        self._lifecycle = lifecycle
        self._signals = signals
        self._clock = clock
        self._keep_event_bytes = keep_event_bytes
        self._last_pass: datetime | None = None
        self._place: tuple[JobId, int] | None = None

    async def run(self) -> None:
        """Ticks for ever; what is not reachable now is tried again at the next tick."""
        while True:
            try:
                await self.tick()
            except Unavailable as exc:
                log.warning("reconciling interrupted", problem=str(exc))
            await asyncio.sleep(TICK_SECONDS)

    async def tick(self) -> None:
        """One look at everything."""
        now = self._clock()
        if self._backlog.is_behind or not await self._queue.is_built():
            self._backlog.is_behind = False
            try:
                await self.rebuild()
            except Unavailable:
                self._backlog.is_behind = True
                raise
        elif self._last_pass is None or now - self._last_pass >= PASS_EVERY:
            await self.compare()
            self._last_pass = now
        while expired := await self._queue.expired_leases(BATCH):
            await self._lifecycle.lose(expired)
        while await self._queue.promote_delayed(BATCH):
            self._signals.send(TasksReady())

    async def rebuild(self) -> None:
        """Puts every waiting task into the queue and gives every running one a lease."""
        running = await self._running()
        place: tuple[JobId, int] | None = None
        added = 0
        while tasks := await self._store.waiting_tasks(place, BATCH):
            added += await self._add(tasks)
            place = (tasks[-1].job_id, tasks[-1].index)
        await self._queue.mark_built()
        log.info("queue rebuilt", waiting=added, running=running)
        self._signals.send(TasksReady())

    async def compare(self) -> None:
        """Looks for what Redis lacks, and for what a replica that died has left undone."""
        await self._running()
        added = await self._add(await self._store.waiting_tasks(None, BATCH))
        for _ in range(TASKS_A_PASS // BATCH):
            tasks = await self._store.waiting_tasks(self._place, BATCH)
            added += await self._add(tasks)
            if len(tasks) < BATCH:
                self._place = None
                break
            self._place = (tasks[-1].job_id, tasks[-1].index)
        if added:
            log.info("tasks queued again", count=added)
            self._signals.send(TasksReady())
        await self._release_leftovers()
        await self._queue.forget_unused_lines()
        await self._forget_workers()

    async def _add(self, tasks: Sequence[Task]) -> int:
        jobs = await self._store.get_jobs(sorted({task.job_id for task in tasks}))
        added = 0
        for job_id, of_job in groupby(tasks, key=lambda task: task.job_id):
            job = jobs.get(job_id)
            if job is None:
                first = next(of_job)
                if self._clock() - first.create_time > FORGET_UNFINISHED_AFTER:
                    await self._store.forget_tasks([job_id])
                continue
            if job.waits_for:
                await self._follow_dependencies(job)
            elif job.cancel_request_time is not None:
                # Whoever was cancelling it has died.
                stopped = await self._lifecycle.cancel_waiting(job)
                if stopped.state.is_terminal:
                    await self._lifecycle.follow_job_end(stopped)
            else:
                added += await self._backlog.add_again(job, list(of_job))
        return added

    async def _follow_dependencies(self, job: Job) -> None:
        for dependency in (await self._store.get_jobs(sorted(job.waits_for))).values():
            if dependency.state.is_terminal:
                await self._lifecycle.follow_job_end(dependency)

    async def _running(self) -> int:
        """Leases for running tasks that have none; then they must be renewed, or run out."""
        tasks = await self._store.running_tasks(None)
        by_job: dict[JobId, list[Task]] = {}
        for task in tasks:
            by_job.setdefault(task.job_id, []).append(task)
        jobs = await self._store.get_jobs(sorted(by_job))
        for job_id, of_job in by_job.items():
            job = jobs.get(job_id)
            if job is None:
                continue
            await self._queue.grant_leases(self._backlog.line(job), [t.current for t in of_job])
            # A cancellation whose signal was lost.
            await self._lifecycle.ask_to_stop(job)
            await self._store.drop_events(job_id, self._keep_event_bytes)
        return len(tasks)

    async def _release_leftovers(self) -> None:
        """Leases of attempts that are not running: their end was stored, but Redis not told."""
        leased = await self._queue.leased()
        for start in range(0, len(leased), BATCH):
            refs = leased[start : start + BATCH]
            tasks = await self._store.get_tasks([ref.task_id for ref in refs])
            await self._queue.release(
                [ref for ref in refs if _has_ended(ref, tasks.get(ref.task_id))]
            )

    async def _forget_workers(self) -> None:
        seen = await self._queue.last_seen()
        now = self._clock()
        gone = [
            worker.id
            for worker in await self._store.list_workers()
            if now - max(seen.get(worker.id, worker.register_time), worker.register_time)
            > FORGET_AFTER
        ]
        if gone:
            await self._store.forget_workers(gone)
            await self._queue.forget_workers(gone)


def _has_ended(ref: AttemptRef, task: Task | None) -> bool:
    """Whether the attempt is over for sure: one that was just claimed may not have begun."""
    return (
        task is None
        or task.state.is_terminal
        or len(task.attempts) > ref.number
        or (len(task.attempts) == ref.number and task.state is not TaskState.RUNNING)
    )
