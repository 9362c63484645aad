"""Jobs and tasks for tests of the rules."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tensorfleet.orchestrator import job_changes
from tensorfleet.orchestrator.failure import Failure
from tensorfleet.orchestrator.job import Job, JobSpec, JobState, Priority
from tensorfleet.orchestrator.job_changes import AttemptEnd, JobChange
from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.retry import AttemptOutcome, RetryPolicy
from tensorfleet.orchestrator.task import AttemptRef, Task, TaskState
from tensorfleet.shared.ids import JobId, TaskId, WorkerId, task_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
WORKER = WorkerId("w1")
OTHER_WORKER = WorkerId("w2")
JOB_ID = JobId("job-1")

SUCCESS = AttemptEnd(outcome=AttemptOutcome.SUCCEEDED)
BROKEN = AttemptEnd(
    outcome=AttemptOutcome.FAILED, failure=Failure(reason="USER_CODE", message="it broke")
)
PREEMPTED = AttemptEnd(outcome=AttemptOutcome.PREEMPTED)


def queued_job(
    *,
    tasks: int = 1,
    job_id: JobId = JOB_ID,
    owner: str = "ann",
    project: str = "default",
    request_id: str = "",
    waits_for: frozenset[JobId] = frozenset(),
    create_time: datetime = NOW,
    **spec: Any,
) -> tuple[Job, tuple[Task, ...]]:
    """A job whose tasks all wait; other words go into its spec (`max_attempts` into its policy)."""
    spec.setdefault("retry", RetryPolicy(max_attempts=spec.pop("max_attempts", 1)))
    fields: dict[str, Any] = {
        "kind": "command",
        "name": "example",
        "spec_json": '{"command": "true"}',
        "code_artifact_id": "",
        "priority": Priority.NORMAL,
        "resources": Resources(cpus=1, memory_bytes=2**30),
        "attempt_timeout": None,
        "after_job_ids": tuple(waits_for),
    }
    job = Job(
        id=job_id,
        spec=JobSpec(**{**fields, **spec}),
        state=JobState.PENDING,
        owner=owner,
        project=project,
        create_time=create_time,
        task_counts={TaskState.QUEUED: tasks},
        request_id=request_id,
        request_digest="digest" if request_id else "",
        waits_for=waits_for,
    )
    return job, tuple(
        Task(
            id=task_id(job_id, index),
            job_id=job_id,
            index=index,
            state=TaskState.QUEUED,
            task_json="{}",
            create_time=create_time,
            ready_time=create_time,
        )
        for index in range(tasks)
    )


class Played:
    """A job and its tasks, to which the rules happen one after another, as a store would do it."""

    def __init__(self, **job: Any) -> None:
        self.job, tasks = queued_job(**job)
        self.tasks: dict[TaskId, Task] = {task.id: task for task in tasks}
        self.changes: list[JobChange] = []

    def take(self, change: JobChange) -> JobChange:
        """Makes a change the present."""
        self.job = change.job
        self.tasks.update({task.id: task for task in change.tasks})
        self.changes.append(change)
        return change

    def task(self, index: int = 0) -> Task:
        """A task as it is now."""
        return self.tasks[task_id(self.job.id, index)]

    def next_ref(self, index: int) -> AttemptRef:
        """The attempt that a waiting task will be."""
        task = self.task(index)
        return AttemptRef(task_id=task.id, number=len(task.attempts) + 1)

    def start(
        self, *indexes: int, worker: WorkerId = WORKER, now: datetime = NOW, stale: int = 0
    ) -> JobChange:
        """Tasks start on a worker; `stale` is added to their attempts' numbers."""
        refs = [self.next_ref(index) for index in indexes]
        claimed = [(ref._replace(number=ref.number + stale), worker) for ref in refs]
        return self.take(job_changes.start(self.job, self.tasks, claimed, now))

    def end(
        self,
        *indexes: int,
        how: AttemptEnd = SUCCESS,
        worker: WorkerId | None = WORKER,
        now: datetime = LATER,
        jitter: float = 0.0,
    ) -> JobChange:
        """The running attempts of tasks end."""
        ends = [(self.task(index).current, how) for index in indexes]
        return self.take(
            job_changes.finish(self.job, self.tasks, worker, ends, now, lambda: jitter)
        )

    def lose(self, *indexes: int) -> JobChange:
        """The leases of tasks run out."""
        ends = [(self.task(i).current, job_changes.lost(self.task(i))) for i in indexes]
        return self.take(job_changes.finish(self.job, self.tasks, None, ends, LATER, lambda: 0.0))

    def run(self, index: int = 0, how: AttemptEnd = SUCCESS) -> JobChange:
        """A task starts and ends."""
        self.start(index)
        return self.end(index, how=how)

    def cancel(self, reason: str = "") -> JobChange:
        """A user cancels it."""
        return self.take(job_changes.cancel(self.job, self.tasks, LATER, reason))

    def pause(self) -> JobChange:
        """A user pauses it."""
        return self.take(job_changes.pause(self.job, LATER))

    def resume(self) -> JobChange:
        """A user resumes it."""
        return self.take(job_changes.resume(self.job, LATER))

    def retry(self, now: datetime = LATER) -> JobChange:
        """A user retries it."""
        return self.take(job_changes.retry(self.job, self.tasks, now))
