"""Where jobs live: what the rest of the orchestrator may expect of its store."""

from collections.abc import Callable, Sequence
from typing import Protocol

from tensorfleet.orchestrator.event import Event, EventDraft
from tensorfleet.orchestrator.job import Job, JobState
from tensorfleet.orchestrator.job_changes import JobChange
from tensorfleet.orchestrator.task import AttemptRef, Task, TaskState
from tensorfleet.orchestrator.worker import Worker
from tensorfleet.shared.ids import JobId, TaskId, WorkerId

Rule = Callable[[Job, tuple[Task, ...]], JobChange]


class OrchestratorStore(Protocol):
    """Where jobs live. Every method raises `Unavailable` when the store does not answer."""

    async def create_job(
        self, job: Job, tasks: Sequence[Task], events: Sequence[EventDraft]
    ) -> Job:
        """Stores a job with its tasks and first events: all or nothing, durable on return.

        Returns the stored job; for a repeated `request_id` with the same `request_digest`, the
        job that was stored first.

        Raises:
            IdempotencyConflict: The `request_id` was used for another request.
        """
        ...

    async def get_job(self, job_id: JobId, project: str | None) -> Job:
        """A job; with a project, only when it belongs to it.

        Raises:
            JobNotFound: There is none.
        """
        ...

    async def list_jobs(
        self, project: str, *, state: JobState | None, kind: str, before_id: str | None, limit: int
    ) -> list[Job]:
        """Jobs of a project, newest first, older than `before_id`."""
        ...

    async def list_tasks(
        self, job_id: JobId, *, state: TaskState | None, after_index: int, limit: int
    ) -> list[Task]:
        """Tasks of a job by index, after `after_index`."""
        ...

    async def get_task(self, task_id: TaskId) -> Task | None:
        """A task, or None."""
        ...

    async def tasks_in_state(self, state: TaskState, after_id: str, limit: int) -> list[Task]:
        """Tasks of all jobs in a state, by id, after `after_id`."""
        ...

    async def change_job(
        self, job_id: JobId, task_ids: Sequence[TaskId] | None, rule: Rule
    ) -> JobChange:
        """Applies a rule to a job and some of its tasks (None: all), in one transaction.

        The rule sees them as they are, and everything that it returns becomes durable together:
        job, tasks and events. It may run again when another writer was faster, so it must be pure.
        What the rule raises comes out, and nothing has changed.

        Raises:
            JobNotFound: There is no such job.
        """
        ...

    async def append_events(
        self, job_id: JobId, ref: AttemptRef, drafts: Sequence[EventDraft]
    ) -> int:
        """Adds what an attempt reports to the job's sequence; durable on return.

        Drafts whose `source_sequence` is recorded already are skipped. Returns the job's last
        sequence number.

        Raises:
            LeaseLost: The attempt is not the task's running one.
        """
        ...

    async def list_events(self, job_id: JobId, after_sequence: int, limit: int) -> list[Event]:
        """Events of a job in order, without gaps."""
        ...

    async def save_worker(self, worker: Worker) -> None:
        """Stores a worker's introduction; keeps when it first came."""
        ...

    async def get_worker(self, worker_id: WorkerId) -> Worker:
        """A worker.

        Raises:
            WorkerNotFound: There is none.
        """
        ...

    async def list_workers(self) -> list[Worker]:
        """All workers by id."""
        ...

    async def forget_workers(self, worker_ids: Sequence[WorkerId]) -> None:
        """Removes workers that are gone for good."""
        ...

    async def running_tasks(self, worker_id: WorkerId) -> list[Task]:
        """Tasks whose running attempt is on the worker."""
        ...
