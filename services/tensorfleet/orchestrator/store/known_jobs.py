"""Jobs as this process last wrote or read them, so that most changes need no read.

Nothing here is trusted: a change is written only if the job's next event number is still free, and
every change of a job or of its tasks takes one. What another replica wrote is noticed that way.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tensorfleet.orchestrator.job import Job
from tensorfleet.orchestrator.task import Task
from tensorfleet.shared.ids import JobId, TaskId

MAX_JOBS = 20_000
MAX_TASKS = 200_000


@dataclass(slots=True)
class KnownJob:
    """A job, some of its tasks, and where its events end: all from one moment, or later."""

    job: Job
    last_sequence: int
    total_bytes: int
    tasks: dict[TaskId, Task] = field(default_factory=dict)


class KnownJobs:
    """The jobs that were used last, within bounds."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[JobId, KnownJob] = OrderedDict()
        self._task_count = 0

    def get(self, job_id: JobId) -> KnownJob | None:
        """What is known of a job."""
        known = self._jobs.get(job_id)
        if known is not None:
            self._jobs.move_to_end(job_id)
        return known

    def put(self, known: KnownJob) -> None:
        """Remembers a job as it was just read."""
        self.forget([known.job.id])
        self._jobs[known.job.id] = known
        self._task_count += len(known.tasks)
        while len(self._jobs) > 1 and (len(self._jobs) > MAX_JOBS or self._task_count > MAX_TASKS):
            self.forget([next(iter(self._jobs))])

    def add_tasks(self, known: KnownJob, tasks: Iterable[Task]) -> None:
        """Remembers tasks of a job, as they were just written or read; ended ones need no more."""
        before = len(known.tasks)
        for task in tasks:
            if task.state.is_terminal:
                known.tasks.pop(task.id, None)
            else:
                known.tasks[task.id] = task
        if self._jobs.get(known.job.id) is known:
            self._task_count += len(known.tasks) - before

    def forget(self, job_ids: Iterable[JobId]) -> None:
        """Drops what is known of jobs: they have ended, or another replica has changed them."""
        for job_id in job_ids:
            known = self._jobs.pop(job_id, None)
            if known is not None:
                self._task_count -= len(known.tasks)
