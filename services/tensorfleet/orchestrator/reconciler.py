"""Brings Redis in line with MongoDB and ends what has fallen silent: runs in every replica.

Each step is safe to repeat and to run twice at once, because only the store's atomic changes count.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import structlog

from tensorfleet.orchestrator.job import Job
from tensorfleet.orchestrator.lifecycle import JobLifecycle, queue_entry
from tensorfleet.orchestrator.queue import TaskQueue
from tensorfleet.orchestrator.signals import Signals, TasksReady
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.orchestrator.task import Task, TaskState
from tensorfleet.orchestrator.worker import FORGET_AFTER
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.errors import Unavailable
from tensorfleet.shared.ids import JobId

TICK_SECONDS = 1.0
# A full comparison reads all waiting tasks; in between, only an empty Redis asks for it.
FULL_PASS_EVERY = timedelta(seconds=15)
BATCH = 500

log = structlog.get_logger(__name__)


class Reconciler:
    """The loop that notices expired leases, due delays, and an empty or stale Redis."""

    def __init__(
        self,
        store: OrchestratorStore,
        queue: TaskQueue,
        lifecycle: JobLifecycle,
        signals: Signals,
        clock: Clock,
    ) -> None:
        self._store = store
        self._queue = queue
        self._lifecycle = lifecycle
        self._signals = signals
        self._clock = clock
        self._last_full_pass: datetime | None = None

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
        is_built = await self._queue.is_built()
        if (
            not is_built
            or self._last_full_pass is None
            or now - self._last_full_pass >= FULL_PASS_EVERY
        ):
            await self.full_pass()
            self._last_full_pass = now
        for ref in await self._queue.expired_leases(BATCH):
            await self._lifecycle.lose(ref)
        if await self._queue.promote_delayed(BATCH):
            await self._signals.send(TasksReady())

    async def full_pass(self) -> None:
        """Puts every waiting task into the queue and gives every running one a lease."""
        added = 0
        jobs: dict[JobId, Job] = {}
        async for tasks in self._tasks_in_state(TaskState.QUEUED):
            entries = [
                queue_entry(await self._job_of(task, jobs), task, self._clock()) for task in tasks
            ]
            added += await self._queue.enqueue(entries)
        async for tasks in self._tasks_in_state(TaskState.RUNNING):
            await self._queue.grant_leases([task.current for task in tasks])
            for job_id in {task.job_id for task in tasks}:
                # A cancellation whose signal was lost.
                await self._lifecycle.ask_to_stop(await self._store.get_job(job_id, None))
        await self._queue.mark_built()
        if added:
            log.info("tasks queued again", count=added)
            await self._signals.send(TasksReady())
        await self._forget_workers()

    async def _tasks_in_state(self, state: TaskState) -> AsyncIterator[list[Task]]:
        after = ""
        while tasks := await self._store.tasks_in_state(state, after, BATCH):
            yield tasks
            after = tasks[-1].id

    async def _job_of(self, task: Task, known: dict[JobId, Job]) -> Job:
        if task.job_id not in known:
            known[task.job_id] = await self._store.get_job(task.job_id, None)
        return known[task.job_id]

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
