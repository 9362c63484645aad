"""Where jobs live: what the rest of the orchestrator may expect of its store."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from tensorfleet.orchestrator.event import Event, EventDraft
from tensorfleet.orchestrator.job import Job, JobState
from tensorfleet.orchestrator.job_changes import JobChange, Tasks
from tensorfleet.orchestrator.peer import Peer
from tensorfleet.orchestrator.task import AttemptRef, Task, TaskState
from tensorfleet.orchestrator.worker import Worker
from tensorfleet.shared.ids import JobId, TaskId, WorkerId

Rule = Callable[[Job, Tasks], JobChange]


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

    async def find_first(
        self, project: str, owner: str, request_id: str, request_digest: str
    ) -> Job | None:
        """The job that was stored for a `request_id`; None when there is none yet.

        Raises:
            IdempotencyConflict: It was stored for a request of another digest.
        """
        ...

    async def get_job(self, job_id: JobId, project: str | None) -> Job:
        """A job; with a project, only when it belongs to it.

        Raises:
            JobNotFound: There is none.
        """
        ...

    async def get_jobs(self, job_ids: Sequence[JobId]) -> dict[JobId, Job]:
        """Those of the jobs that exist."""
        ...

    async def list_jobs(
        self, project: str, *, state: JobState | None, kind: str, before_id: str | None, limit: int
    ) -> list[Job]:
        """Jobs of a project, newest first, older than `before_id`."""
        ...

    async def jobs_waiting_for(self, job_ids: Sequence[JobId]) -> list[Job]:
        """Jobs that wait for some of these."""
        ...

    async def list_tasks(
        self, job_id: JobId, *, state: TaskState | None, after_index: int, limit: int
    ) -> list[Task]:
        """Tasks of a job by index, after `after_index`."""
        ...

    async def get_tasks(self, task_ids: Sequence[TaskId]) -> dict[TaskId, Task]:
        """Those of the tasks that exist."""
        ...

    async def waiting_tasks(self, after: tuple[JobId, int] | None, limit: int) -> list[Task]:
        """Queued tasks of all jobs, the newest jobs' first, from behind a job's task on."""
        ...

    async def look_up(
        self, job_id: JobId, task_ids: Sequence[TaskId]
    ) -> tuple[Job, dict[TaskId, Task]]:
        """A job and tasks of it as they were lately: what never changes in them is right.

        Raises:
            JobNotFound: There is no such job.
        """
        ...

    async def change_job(
        self,
        job_id: JobId,
        task_ids: Sequence[TaskId] | None,
        rule: Rule,
        *,
        may_wait: bool = False,
    ) -> JobChange:
        """Applies a rule to a job and some of its tasks (None: all), in one transaction.

        One that `may_wait` is not written before a moment has passed, in which it may be joined
        by others.

        The rule sees them as they are, and everything that it returns becomes durable together:
        job, tasks and events. A change of a job or a task has at least one event. The rule may run
        again when another writer was faster, so it must be pure. Changes of one job apply in the
        order in which they were asked for. What the rule raises comes out, and nothing has changed.

        Raises:
            JobNotFound: There is no such job.
        """
        ...

    async def give_address(self, ref: AttemptRef, worker_id: WorkerId, address: str) -> None:
        """Notes where a running attempt can be reached by its peers, in one statement. Idempotent.

        Raises:
            LeaseLost: The attempt is not its task's running one, or is not on this worker.
            AddressGiven: It gave another address before.
        """
        ...

    async def peers(self, job_id: JobId) -> list[Peer]:
        """All tasks of a job by index; what an earlier attempt gave is not among it."""
        ...

    async def forget_tasks(self, job_ids: Sequence[JobId]) -> None:
        """Removes tasks of jobs that are not there: their creation was never finished."""
        ...

    async def written(self) -> None:
        """Returns when the changes that were asked for here before are written, or have failed."""
        ...

    async def list_events(self, job_id: JobId, after_sequence: int, limit: int) -> list[Event]:
        """Some events of a job in order, without gaps; none when there are no more.

        They are about `limit`, or fewer when they are large.

        Where older events are not kept any more, the first one is a `Notice` EVENTS_EXPIRED, with
        the number of the last that is missing.
        """
        ...

    async def last_sequence(self, job_id: JobId) -> int:
        """The number of the job's last event; 0 when there is none."""
        ...

    async def drop_events(self, job_id: JobId, keep_bytes: int) -> int:
        """Forgets a job's oldest events beyond a size; the last ones always stay.

        Returns how many blocks went.
        """
        ...

    async def save_worker(self, worker: Worker) -> None:
        """Stores a worker's introduction; keeps when it first came, its drain and quarantine."""
        ...

    async def drain_worker(self, worker_id: WorkerId, *, is_drained: bool) -> None:
        """Notes that an operator drains it, or does not any more; this also ends a quarantine.

        Raises:
            WorkerNotFound: There is none.
        """
        ...

    async def quarantine_worker(self, worker_id: WorkerId, until: datetime) -> None:
        """Notes that it takes nothing until then."""
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

    async def running_tasks(self, worker_id: WorkerId | None) -> list[Task]:
        """Tasks whose running attempt is on the worker; None: on any."""
        ...
