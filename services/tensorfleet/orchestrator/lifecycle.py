"""What happens to attempts: each step durable in the store first, then told to Redis.

Redis may fail at any point after the store has answered: the reconciler makes up for it.
"""

import random
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from tensorfleet.orchestrator import job_changes
from tensorfleet.orchestrator.backlog import Backlog
from tensorfleet.orchestrator.event import EventDraft
from tensorfleet.orchestrator.failure import DEPENDENCY_FAILED, Failure
from tensorfleet.orchestrator.job import Job, JobState
from tensorfleet.orchestrator.job_changes import AttemptEnd, JobChange, Tasks
from tensorfleet.orchestrator.job_plan import Judge
from tensorfleet.orchestrator.queue.task_queue import TaskQueue
from tensorfleet.orchestrator.signals import EventsAdded, Signals, StopAsked
from tensorfleet.orchestrator.store.protocol import OrchestratorStore, Rule
from tensorfleet.orchestrator.task import AttemptRef, TaskState, is_current
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.errors import JobNotFound, Unavailable
from tensorfleet.shared.gathering import Gathering
from tensorfleet.shared.ids import JobId, TaskId, WorkerId, job_id_of

# Waiting tasks that end in one transaction when their job is cancelled.
CANCEL_PAGE = 2_000

log = structlog.get_logger(__name__)


class JobLifecycle:
    """Starts, ends and loses attempts, and what follows from it for their jobs."""

    def __init__(
        self,
        store: OrchestratorStore,
        queue: TaskQueue,
        backlog: Backlog,
        signals: Signals,
        clock: Clock,
        random_fraction: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._queue = queue
        self._backlog = backlog
        self._signals = signals
        self._clock = clock
        self._random_fraction = random_fraction
        self._judge = Judge()
        self._releasing = Gathering(queue.release, most=1_000)
        self._ending = Gathering(self._follow_job_ends, most=1_000)

    async def flush(self) -> None:
        """Waits until leases are given back and ends are followed; before the stores close."""
        await self._releasing.flush()
        await self._ending.flush()

    async def start(
        self,
        job_id: JobId,
        claimed: Sequence[tuple[AttemptRef, WorkerId]],
        *,
        may_wait: bool = False,
    ) -> JobChange | None:
        """Makes claimed attempts of a job durable; None when the job is gone.

        For those that run already it may wait a moment: then short ones are written but once.

        What is refused does not wait as this attempt any more; its lease is given back.
        """
        now = self._clock()
        try:
            change = await self.change(
                job_id,
                [ref.task_id for ref, _ in claimed],
                lambda job, tasks: job_changes.start(job, tasks, claimed, now),
                may_wait=may_wait,
            )
        except JobNotFound:
            await self._release([ref for ref, _ in claimed])
            return None
        if change.refused:
            log.info("claims refused", job_id=job_id, count=len(change.refused))
            await self._release(list(change.refused))
        return change

    async def finish(
        self,
        job_id: JobId,
        worker_id: WorkerId | None,
        ends: Sequence[tuple[AttemptRef, AttemptEnd]],
    ) -> JobChange:
        """Records the ends of attempts of one job, each once.

        Those that are not current, or not on this worker, are void, and `refused` tells which.

        Raises:
            JobNotFound: There is no such job.
        """
        now = self._clock()

        def rule(job: Job, tasks: Tasks) -> JobChange:
            judged = [(ref, self._judge.judged(job, end)) for ref, end in ends]
            return job_changes.finish(job, tasks, worker_id, judged, now, self._random_fraction)

        change = await self.change(job_id, [ref.task_id for ref, _ in ends], rule)
        await self._follow_end(change, [ref for ref, _ in ends if ref not in change.refused])
        return change

    async def lose(self, refs: Sequence[AttemptRef]) -> None:
        """Ends attempts whose leases ran out, or which their worker does not know any more."""
        by_job: dict[JobId, list[AttemptRef]] = {}
        for ref in refs:
            by_job.setdefault(job_id_of(ref.task_id), []).append(ref)
        for job_id, lost in by_job.items():
            await self._lose_of_job(job_id, lost)

    async def _lose_of_job(self, job_id: JobId, refs: Sequence[AttemptRef]) -> None:
        now = self._clock()

        def rule(job: Job, tasks: Tasks) -> JobChange:
            ends = [
                (ref, job_changes.lost(tasks[ref.task_id])) for ref in refs if ref.task_id in tasks
            ]
            return job_changes.finish(job, tasks, None, ends, now, lambda: 0.0)

        try:
            change = await self.change(job_id, [ref.task_id for ref in refs], rule)
        except JobNotFound:
            await self._release(refs)
            return
        # One that was claimed but never started still waits: its lease must not keep it from
        # being queued again.
        await self._release([ref for ref in refs if ref in change.refused])
        ended = [ref for ref in refs if ref not in change.refused]
        if ended:
            log.warning("attempts lost", job_id=job_id, attempts=len(ended))
        await self._follow_end(change, ended)
        if change.refused:
            refused = {ref.task_id for ref in change.refused}
            tasks = await self._store.get_tasks(sorted(refused))
            waiting = [t for t in tasks.values() if t.state is TaskState.QUEUED]
            await self._backlog.put(change.job, waiting, at_front=True)

    async def _follow_end(self, change: JobChange, ended: Sequence[AttemptRef]) -> None:
        await self._release(ended)
        job = change.job
        again = [task for task in change.tasks if task.state is TaskState.QUEUED]
        if again:
            await self._backlog.put(job, again, at_front=change.at_front)
        if job.spec.is_gang and not job.state.is_terminal:
            await self._follow_gang(job, change)
        if job.state.is_terminal:
            log.info("job ended", job_id=job.id, state=job.state.value)
            await self.follow_job_end(job)

    async def _follow_gang(self, job: Job, change: JobChange) -> None:
        states = {task.state for task in change.tasks}
        if TaskState.FAILED in states and job.cancel_request_time is None:
            stopped = await self.cancel(job.id, failure=job.failure)
            if stopped.state.is_terminal:
                await self.follow_job_end(stopped)
        elif TaskState.QUEUED in states and job.task_counts.get(TaskState.RUNNING):
            # The others cannot go on without it: all start again together.
            await self._ask_each(job.id, is_preempted=True)

    async def follow_job_end(self, job: Job) -> None:
        """Lets go on what waits for a job that has ended, or cancels it. Safe to repeat."""
        await self._ending.add([job])

    async def _follow_job_ends(self, ended: Sequence[Job]) -> None:
        by_id = {job.id: job for job in ended}
        for waiting in await self._store.jobs_waiting_for(list(by_id)):
            for job_id in sorted(waiting.waits_for & by_id.keys()):
                following = await self._follow_dependency(by_id[job_id], waiting.id)
                if following.state.is_terminal:
                    await self._follow_job_ends([following])

    async def _follow_dependency(self, job: Job, waiting_id: JobId) -> Job:
        now = self._clock()
        if job.state is not JobState.SUCCEEDED:
            failure = Failure(
                reason=DEPENDENCY_FAILED,
                message=f"job {job.id}, which it comes after, was {job.state.value}",
            )
            return await self.cancel(waiting_id, failure=failure)
        change = await self.change(
            waiting_id, [], lambda waiting, _: job_changes.release(waiting, job.id, now)
        )
        if not change.job.waits_for:
            await self._backlog.put_all(change.job)
        return change.job

    async def cancel(self, job_id: JobId, reason: str = "", failure: Failure | None = None) -> Job:
        """Has a job stop: its waiting tasks end, its running ones are asked to.

        The wish is durable first, and nothing of the job starts from then on. The tasks follow in
        several steps, because one transaction for a hundred thousand of them would hold up
        everything else; should this process die in between, the reconciler goes on.
        """
        now = self._clock()
        change = await self.change(
            job_id, [], lambda job, _: job_changes.cancel(job, {}, now, reason, failure)
        )
        job = change.job
        if not job.state.is_terminal and job.cancel_request_time is not None:
            job = await self.cancel_waiting(job)
            await self.ask_to_stop(job)
        return job

    async def cancel_waiting(self, job: Job) -> Job:
        """Ends the waiting tasks of a job that shall stop. Safe to repeat."""
        while tasks := await self._store.list_tasks(
            job.id, state=TaskState.QUEUED, after_index=-1, limit=CANCEL_PAGE
        ):
            now = self._clock()
            rule = partial(job_changes.cancel_waiting, now=now)
            change = await self.change(job.id, [task.id for task in tasks], rule)
            await self._backlog.remove(change.job, tasks)
            job = change.job
            if job.state.is_terminal or not change.events:
                break
        return job

    async def ask_to_stop(self, job: Job) -> None:
        """Tells whoever holds the sessions to stop a cancelled job's running tasks."""
        if not job.state.is_terminal and job.cancel_request_time is not None:
            await self._ask_each(job.id, is_preempted=False)

    async def _ask_each(self, job_id: JobId, *, is_preempted: bool) -> None:
        after = -1
        while tasks := await self._store.list_tasks(
            job_id, state=TaskState.RUNNING, after_index=after, limit=500
        ):
            for task in tasks:
                self.ask_attempt_to_stop(task.current, is_preempted=is_preempted)
            after = tasks[-1].index

    def ask_attempt_to_stop(self, ref: AttemptRef, *, is_preempted: bool) -> None:
        """Tells whoever holds the session to stop one attempt."""
        self._signals.send(
            StopAsked(task_id=ref.task_id, attempt=ref.number, is_preempted=is_preempted)
        )

    async def report(
        self, ref: AttemptRef, worker_id: WorkerId, drafts: Sequence[EventDraft]
    ) -> bool:
        """Adds what an attempt reports to its job's events. False when it is not current."""
        try:
            change = await self.change(
                job_id_of(ref.task_id),
                [ref.task_id],
                lambda job, tasks: job_changes.report(job, tasks, ref, worker_id, drafts),
            )
        except JobNotFound:
            return False
        return not change.refused

    async def renew(self, worker_id: WorkerId, refs: Sequence[AttemptRef]) -> list[AttemptRef]:
        """Renews leases. Returns the attempts that are not the worker's any more."""
        unknown = await self._queue.renew(worker_id, refs)
        if not unknown:
            return []
        # No lease in Redis may mean that Redis lost it: the store knows whose the task is.
        current = await self.current_refs(worker_id, unknown)
        jobs = await self._store.get_jobs(sorted({job_id_of(ref.task_id) for ref in current}))
        for job in jobs.values():
            own = [ref for ref in current if job_id_of(ref.task_id) == job.id]
            await self._queue.grant_leases(self._backlog.line(job), own)
        return [ref for ref in unknown if ref not in current]

    async def current_refs(
        self, worker_id: WorkerId, refs: Sequence[AttemptRef]
    ) -> set[AttemptRef]:
        """Those attempts that are their tasks' running ones, and on this worker."""
        tasks = await self._store.get_tasks([ref.task_id for ref in refs])
        return {
            ref
            for ref in refs
            if (task := tasks.get(ref.task_id)) is not None and is_current(task, ref, worker_id)
        }

    async def change(
        self,
        job_id: JobId,
        task_ids: Sequence[TaskId] | None,
        rule: Rule,
        *,
        may_wait: bool = False,
    ) -> JobChange:
        """Applies a rule durably, and tells those who follow the job."""
        change = await self._store.change_job(job_id, task_ids, rule, may_wait=may_wait)
        if change.events:
            self._signals.send(EventsAdded(job_id=job_id))
        return change

    async def _release(self, refs: Sequence[AttemptRef]) -> None:
        try:
            await self._releasing.add(refs)
        except Unavailable as exc:
            # The leases run out; then they are found to be of no running attempt.
            log.warning("queue not told", problem=str(exc))
