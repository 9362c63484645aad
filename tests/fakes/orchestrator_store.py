"""`OrchestratorStore` in memory: as short as the promises of the protocol allow."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from tensorfleet.orchestrator.event import Event, EventDraft, Notice
from tensorfleet.orchestrator.job import Job, JobState
from tensorfleet.orchestrator.job_changes import JobChange
from tensorfleet.orchestrator.peer import Peer, address_given, not_current
from tensorfleet.orchestrator.store.event_blocks import event_blocks, events_of_block
from tensorfleet.orchestrator.store.protocol import Rule
from tensorfleet.orchestrator.task import AttemptRef, Task, TaskState, is_current
from tensorfleet.orchestrator.worker import Worker
from tensorfleet.shared.clock import utc_now
from tensorfleet.shared.errors import (
    IdempotencyConflict,
    JobNotFound,
    TensorFleetError,
    WorkerNotFound,
)
from tensorfleet.shared.ids import JobId, TaskId, WorkerId, job_id_of
from tensorfleet.shared.mongo import Document


@dataclass(slots=True)
class _Kept:
    """A job with all that belongs to it; its events in the blocks in which they were written."""

    job: Job
    tasks: dict[TaskId, Task]
    last_sequence: int = 0
    total_bytes: int = 0
    blocks: list[Document] = field(default_factory=list)

    def tell(self, events: Sequence[EventDraft]) -> None:
        for block in event_blocks(
            self.job.id, self.last_sequence, self.total_bytes, events, utc_now()
        ):
            self.blocks.append(block)
            self.last_sequence, self.total_bytes = block["last"], block["total_bytes"]


class FakeOrchestratorStore:
    """`OrchestratorStore` in memory. Nothing waits in here, so that every step is atomic."""

    def __init__(self) -> None:
        self._kept: dict[JobId, _Kept] = {}
        self._workers: dict[WorkerId, Worker] = {}
        self._addresses: dict[AttemptRef, str] = {}

    async def create_job(
        self, job: Job, tasks: Sequence[Task], events: Sequence[EventDraft]
    ) -> Job:
        """See OrchestratorStore."""
        if job.request_id:
            first = await self.find_first(
                job.project, job.owner, job.request_id, job.request_digest
            )
            if first is not None:
                return first
        kept = _Kept(job, {task.id: task for task in tasks})
        kept.tell(events)
        self._kept[job.id] = kept
        return job

    async def find_first(
        self, project: str, owner: str, request_id: str, request_digest: str
    ) -> Job | None:
        """See OrchestratorStore."""
        for job in (kept.job for kept in self._kept.values()):
            if (job.project, job.owner, job.request_id) == (project, owner, request_id):
                if job.request_digest != request_digest:
                    raise IdempotencyConflict(f"request id {request_id!r} is taken")
                return job
        return None

    async def get_job(self, job_id: JobId, project: str | None) -> Job:
        """See OrchestratorStore."""
        job = self._find(job_id).job
        if project is not None and job.project != project:
            raise JobNotFound(f"there is no job {job_id!r}")
        return job

    def _find(self, job_id: JobId) -> _Kept:
        kept = self._kept.get(job_id)
        if kept is None:
            raise JobNotFound(f"there is no job {job_id!r}")
        return kept

    async def get_jobs(self, job_ids: Sequence[JobId]) -> dict[JobId, Job]:
        """See OrchestratorStore."""
        return {i: self._kept[i].job for i in job_ids if i in self._kept}

    async def list_jobs(
        self, project: str, *, state: JobState | None, kind: str, before_id: str | None, limit: int
    ) -> list[Job]:
        """See OrchestratorStore."""
        found = [
            kept.job
            for job_id, kept in sorted(self._kept.items(), reverse=True)
            if kept.job.project == project
            and state in (None, kept.job.state)
            and kind in ("", kept.job.spec.kind)
            and (before_id is None or job_id < before_id)
        ]
        return found[:limit]

    async def jobs_waiting_for(self, job_ids: Sequence[JobId]) -> list[Job]:
        """See OrchestratorStore."""
        return [
            kept.job
            for kept in self._kept.values()
            if not kept.job.waits_for.isdisjoint(job_ids) and not kept.job.state.is_terminal
        ]

    async def list_tasks(
        self, job_id: JobId, *, state: TaskState | None, after_index: int, limit: int
    ) -> list[Task]:
        """See OrchestratorStore."""
        kept = self._kept.get(job_id)
        tasks = [] if kept is None else kept.tasks.values()
        found = [t for t in tasks if state in (None, t.state) and t.index > after_index]
        return sorted(found, key=lambda t: t.index)[:limit]

    async def get_tasks(self, task_ids: Sequence[TaskId]) -> dict[TaskId, Task]:
        """See OrchestratorStore."""
        found = {}
        for task_id in task_ids:
            kept = self._kept.get(job_id_of(task_id))
            if kept is not None and task_id in kept.tasks:
                found[task_id] = kept.tasks[task_id]
        return found

    async def waiting_tasks(self, after: tuple[JobId, int] | None, limit: int) -> list[Task]:
        """See OrchestratorStore."""
        found = [
            task
            for job_id, kept in sorted(self._kept.items(), reverse=True)
            for task in sorted(kept.tasks.values(), key=lambda t: t.index)
            if task.state is TaskState.QUEUED
            and (
                after is None or job_id < after[0] or (job_id == after[0] and task.index > after[1])
            )
        ]
        return found[:limit]

    async def look_up(
        self, job_id: JobId, task_ids: Sequence[TaskId]
    ) -> tuple[Job, dict[TaskId, Task]]:
        """See OrchestratorStore."""
        kept = self._find(job_id)
        return kept.job, {i: kept.tasks[i] for i in task_ids if i in kept.tasks}

    async def written(self) -> None:
        """See OrchestratorStore."""
        # What is asked for here is done at once.

    async def change_job(
        self,
        job_id: JobId,
        task_ids: Sequence[TaskId] | None,
        rule: Rule,
        *,
        may_wait: bool = False,
    ) -> JobChange:
        """See OrchestratorStore."""
        kept = self._find(job_id)
        wanted = kept.tasks if task_ids is None else task_ids
        tasks = {i: kept.tasks[i] for i in wanted if i in kept.tasks}
        change = rule(kept.job, tasks)
        if (change.tasks or change.job is not kept.job) and not change.events:
            raise TensorFleetError(f"a change of job {job_id} has no event")
        kept.job = change.job
        kept.tasks.update({task.id: task for task in change.tasks})
        kept.tell(change.events)
        return change

    async def give_address(self, ref: AttemptRef, worker_id: WorkerId, address: str) -> None:
        """See OrchestratorStore."""
        task = (await self.get_tasks([ref.task_id])).get(ref.task_id)
        if task is None or not is_current(task, ref, worker_id):
            raise not_current(ref)
        if self._addresses.setdefault(ref, address) != address:
            raise address_given(ref)

    async def peers(self, job_id: JobId) -> list[Peer]:
        """See OrchestratorStore."""
        return [
            Peer(
                task_id=task.id,
                index=task.index,
                state=task.state,
                attempt=task.current.number,
                start_time=task.attempts[-1].start_time if task.attempts else None,
                address=self._addresses.get(task.current, ""),
            )
            for task in await self.list_tasks(job_id, state=None, after_index=-1, limit=10**9)
        ]

    async def forget_tasks(self, job_ids: Sequence[JobId]) -> None:
        """See OrchestratorStore."""
        # Here a job comes with its tasks, or not at all.

    async def list_events(self, job_id: JobId, after_sequence: int, limit: int) -> list[Event]:
        """See OrchestratorStore."""
        events: list[Event] = []
        kept = self._kept.get(job_id)
        for block in [] if kept is None else kept.blocks:
            if block["last"] <= after_sequence:
                continue
            if not events and block["first"] > after_sequence + 1:
                through = block["first"] - 1
                notice = Notice(
                    reason="EVENTS_EXPIRED", message=f"events 1 to {through} are not kept"
                )
                draft = EventDraft(time=block["time"], payload=notice)
                events.append(Event(job_id=job_id, sequence=through, draft=draft))
            events += events_of_block(block, after_sequence)
            if len(events) >= limit:
                break
        return events

    async def last_sequence(self, job_id: JobId) -> int:
        """See OrchestratorStore."""
        kept = self._kept.get(job_id)
        return 0 if kept is None else kept.last_sequence

    async def drop_events(self, job_id: JobId, keep_bytes: int) -> int:
        """See OrchestratorStore."""
        kept = self._kept.get(job_id)
        if kept is None:
            return 0
        oldest = kept.total_bytes - keep_bytes
        left = [
            block
            for block in kept.blocks
            if block["total_bytes"] >= oldest or block is kept.blocks[-1]
        ]
        dropped = len(kept.blocks) - len(left)
        kept.blocks = left
        return dropped

    async def save_worker(self, worker: Worker) -> None:
        """See OrchestratorStore."""
        before = self._workers.get(worker.id)
        self._workers[worker.id] = replace(
            worker,
            create_time=before.create_time if before else worker.create_time,
            is_drained=before is not None and before.is_drained,
            quarantine_end_time=before.quarantine_end_time if before else None,
        )

    async def drain_worker(self, worker_id: WorkerId, *, is_drained: bool) -> None:
        """See OrchestratorStore."""
        worker = await self.get_worker(worker_id)
        until = worker.quarantine_end_time if is_drained else None
        self._workers[worker_id] = replace(worker, is_drained=is_drained, quarantine_end_time=until)

    async def quarantine_worker(self, worker_id: WorkerId, until: datetime) -> None:
        """See OrchestratorStore."""
        if worker_id in self._workers:
            self._workers[worker_id] = replace(self._workers[worker_id], quarantine_end_time=until)

    async def get_worker(self, worker_id: WorkerId) -> Worker:
        """See OrchestratorStore."""
        if worker_id not in self._workers:
            raise WorkerNotFound(f"no worker is called {worker_id!r}")
        return self._workers[worker_id]

    async def list_workers(self) -> list[Worker]:
        """See OrchestratorStore."""
        return [worker for _, worker in sorted(self._workers.items())]

    async def forget_workers(self, worker_ids: Sequence[WorkerId]) -> None:
        """See OrchestratorStore."""
        for worker_id in worker_ids:
            self._workers.pop(worker_id, None)

    async def running_tasks(self, worker_id: WorkerId | None) -> list[Task]:
        """See OrchestratorStore."""
        return [
            task
            for kept in self._kept.values()
            for task in kept.tasks.values()
            if task.state is TaskState.RUNNING and worker_id in (None, task.attempts[-1].worker_id)
        ]
