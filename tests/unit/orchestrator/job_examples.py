"""Jobs and tasks for tests of the rules."""

from datetime import UTC, datetime, timedelta

from tensorfleet.orchestrator.job import Job, JobSpec, JobState, Priority
from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.retry import RetryPolicy
from tensorfleet.orchestrator.task import Task, TaskState
from tensorfleet.shared.ids import JobId, WorkerId, task_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
WORKER = WorkerId("w1")
JOB_ID = JobId("job-1")


def queued_job(*, tasks: int = 1, max_attempts: int = 1) -> tuple[Job, tuple[Task, ...]]:
    """A job whose tasks all wait."""
    resources = Resources(cpus=1, memory_bytes=2**30)
    job = Job(
        id=JOB_ID,
        spec=JobSpec(
            kind="command",
            name="example",
            spec_json='{"command": "true"}',
            code_artifact_id="",
            priority=Priority.NORMAL,
            resources=resources,
            retry=RetryPolicy(max_attempts=max_attempts),
            attempt_timeout=None,
        ),
        state=JobState.PENDING,
        owner="ann",
        project="default",
        create_time=NOW,
        task_counts={TaskState.QUEUED: tasks},
    )
    return job, tuple(
        Task(
            id=task_id(JOB_ID, index),
            job_id=JOB_ID,
            index=index,
            state=TaskState.QUEUED,
            resources=resources,
            task_json="{}",
            create_time=NOW,
            ready_time=NOW,
        )
        for index in range(tasks)
    )
