"""The rules by which jobs and tasks change, on values alone."""

import pytest

from tensorfleet.kinds.outcome import OutputType, ProducedOutput
from tensorfleet.orchestrator import job_changes
from tensorfleet.orchestrator.event import JobStateChange, TaskStateChange
from tensorfleet.orchestrator.failure import Failure
from tensorfleet.orchestrator.job import Job, JobState
from tensorfleet.orchestrator.job_changes import AttemptEnd, JobChange
from tensorfleet.orchestrator.retry import MAX_LOST_ATTEMPTS, AttemptOutcome
from tensorfleet.orchestrator.task import AttemptRef, Task, TaskState
from tensorfleet.shared.errors import LeaseLost
from tests.unit.orchestrator.job_examples import LATER, NOW, WORKER, queued_job

SUCCESS = AttemptEnd(outcome=AttemptOutcome.SUCCEEDED)
BROKEN = AttemptEnd(
    outcome=AttemptOutcome.FAILED, failure=Failure(reason="USER_CODE", message="it broke")
)


def run(job: Job, task: Task, end: AttemptEnd) -> JobChange:
    """Starts and finishes a task."""
    started = job_changes.start(job, task, WORKER, NOW)
    (running,) = started.tasks
    return job_changes.finish(started.job, running, running.current, end, LATER, jitter=0.0)


def states_told(change: JobChange) -> list[object]:
    return [
        e.payload.state
        for e in change.events
        if isinstance(e.payload, JobStateChange | TaskStateChange)
    ]


def test_job_runs_from_its_first_task_on() -> None:
    job, (first, _) = queued_job(tasks=2)
    change = job_changes.start(job, first, WORKER, LATER)
    assert (change.job.state, change.job.start_time) == (JobState.RUNNING, LATER)
    assert change.tasks[0].attempts[0].worker_id == WORKER
    assert states_told(change) == [JobState.RUNNING, TaskState.RUNNING]


def test_job_succeeds_with_its_last_task_and_says_so_last() -> None:
    job, (first, second) = queued_job(tasks=2)
    one = run(job, first, SUCCESS)
    assert one.job.state is JobState.RUNNING
    two = run(one.job, second, SUCCESS)
    assert (two.job.state, two.job.end_time) == (JobState.SUCCEEDED, LATER)
    assert states_told(two) == [TaskState.SUCCEEDED, JobState.SUCCEEDED]


def test_job_keeps_the_first_failure_when_later_tasks_succeed() -> None:
    job, (first, second) = queued_job(tasks=2)
    failed = run(job, first, BROKEN)
    done = run(failed.job, second, SUCCESS)
    assert done.job.state is JobState.FAILED
    assert done.job.failure == BROKEN.failure


def test_outputs_of_a_success_are_the_jobs() -> None:
    output = ProducedOutput(type=OutputType.ARTIFACT, name="a", version=0, artifact_id="b")
    job, (task,) = queued_job()
    change = run(job, task, AttemptEnd(outcome=AttemptOutcome.SUCCEEDED, outputs=(output,)))
    assert change.job.outputs == (output,)


def test_failed_task_waits_again_while_it_has_attempts() -> None:
    job, (task,) = queued_job(max_attempts=2)
    change = run(job, task, BROKEN)
    (again,) = change.tasks
    assert (again.state, change.job.state) == (TaskState.QUEUED, JobState.RUNNING)
    assert again.ready_time > LATER
    assert not change.at_front
    final = run(change.job, again, BROKEN)
    assert final.job.state is JobState.FAILED
    assert [a.number for a in final.tasks[0].attempts] == [1, 2]


def test_lost_attempt_does_not_count_and_goes_to_the_front() -> None:
    job, (task,) = queued_job(max_attempts=1)
    started = job_changes.start(job, task, WORKER, NOW)
    change = job_changes.lose(started.job, started.tasks[0], started.tasks[0].current, LATER)
    assert (change.tasks[0].state, change.at_front) == (TaskState.QUEUED, True)
    assert run(change.job, change.tasks[0], SUCCESS).job.state is JobState.SUCCEEDED


def test_task_that_loses_every_worker_fails_in_the_end() -> None:
    job, (task,) = queued_job()
    for _ in range(MAX_LOST_ATTEMPTS + 1):
        started = job_changes.start(job, task, WORKER, NOW)
        (task,) = started.tasks
        change = job_changes.lose(started.job, task, task.current, LATER)
        job, (task,) = change.job, change.tasks
    assert (task.state, job.state) == (TaskState.FAILED, JobState.FAILED)
    assert job.failure is not None
    assert job.failure.reason == "WORKER_LOST"


@pytest.mark.parametrize("number", [0, 2])
def test_end_of_another_attempt_is_void(number: int) -> None:
    job, (task,) = queued_job()
    started = job_changes.start(job, task, WORKER, NOW)
    stale = AttemptRef(task_id=task.id, number=number)
    with pytest.raises(LeaseLost):
        job_changes.finish(started.job, started.tasks[0], stale, SUCCESS, LATER, jitter=0.0)


def test_end_is_recorded_once() -> None:
    job, (task,) = queued_job()
    done = run(job, task, SUCCESS)
    with pytest.raises(LeaseLost):
        job_changes.finish(done.job, done.tasks[0], done.tasks[0].current, BROKEN, LATER, 0.0)


def test_cancel_ends_waiting_tasks_at_once_and_lets_running_ones_stop() -> None:
    job, (first, second) = queued_job(tasks=2)
    started = job_changes.start(job, first, WORKER, NOW)
    running = started.tasks[0]
    asked = job_changes.cancel(started.job, (running, second), LATER)
    assert [t.id for t in asked.tasks] == [second.id]
    assert (asked.job.state, asked.job.cancel_request_time) == (JobState.RUNNING, LATER)
    stopped = job_changes.finish(asked.job, running, running.current, BROKEN, LATER, 0.0)
    assert stopped.job.state is JobState.CANCELLED
    assert states_told(stopped)[-1] is JobState.CANCELLED


def test_cancelled_task_whose_worker_is_lost_does_not_run_again() -> None:
    job, (task,) = queued_job()
    started = job_changes.start(job, task, WORKER, NOW)
    asked = job_changes.cancel(started.job, started.tasks, LATER)
    lost = job_changes.lose(asked.job, started.tasks[0], started.tasks[0].current, LATER)
    assert (lost.tasks[0].state, lost.job.state) == (TaskState.CANCELLED, JobState.CANCELLED)


def test_cancel_of_an_ended_job_changes_nothing() -> None:
    job, (task,) = queued_job()
    done = run(job, task, SUCCESS)
    again = job_changes.cancel(done.job, done.tasks, LATER)
    assert again.job == done.job
    assert again.events == ()
