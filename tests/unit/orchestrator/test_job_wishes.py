"""What users do to a job: cancel, pause, resume, retry, update; and what it waits for."""

from dataclasses import replace

import pytest

from tensorfleet.orchestrator import job_changes
from tensorfleet.orchestrator.event import Notice
from tensorfleet.orchestrator.failure import DEPENDENCY_FAILED, Failure
from tensorfleet.orchestrator.job import JobState, Priority
from tensorfleet.orchestrator.job_changes import AttemptEnd
from tensorfleet.orchestrator.retry import AttemptOutcome
from tensorfleet.orchestrator.task import TaskState
from tensorfleet.shared.errors import JobEnded, JobNotEnded
from tensorfleet.shared.ids import JobId
from tests.unit.orchestrator.job_examples import BROKEN, LATER, NOW, PREEMPTED, SUCCESS, Played
from tests.unit.orchestrator.test_job_changes import states_told


def test_cancel_ends_waiting_tasks_at_once_and_lets_running_ones_stop() -> None:
    played = Played(tasks=2)
    played.start(0)
    asked = played.cancel("a typo")
    assert [t.id for t in asked.tasks] == [played.task(1).id]
    assert (played.job.state, played.job.cancel_request_time) == (JobState.RUNNING, LATER)
    assert asked.events[0].payload == Notice(
        reason="CANCEL_REQUESTED", message="cancelled by a user: a typo"
    )
    stopped = played.end(0, how=AttemptEnd(outcome=AttemptOutcome.CANCELLED))
    assert played.job.state is JobState.CANCELLED
    assert states_told(stopped) == [TaskState.CANCELLED, JobState.CANCELLED]


@pytest.mark.parametrize("how", [BROKEN, PREEMPTED])
def test_cancelled_task_does_not_run_again_whatever_ended_it(how: AttemptEnd) -> None:
    played = Played(max_attempts=9)
    played.start(0)
    played.cancel()
    played.end(0, how=how)
    assert (played.task().state, played.job.state) == (TaskState.CANCELLED, JobState.CANCELLED)


def test_cancelled_task_whose_worker_is_lost_does_not_run_again() -> None:
    played = Played()
    played.start(0)
    played.cancel()
    played.lose(0)
    assert (played.task().state, played.job.state) == (TaskState.CANCELLED, JobState.CANCELLED)


def test_task_that_succeeded_in_time_keeps_its_success() -> None:
    played = Played()
    played.start(0)
    played.cancel()
    assert played.end(0).job.state is JobState.SUCCEEDED
    assert played.job.failure is None


def test_cancel_of_an_ended_job_and_a_second_cancel_change_nothing() -> None:
    played = Played()
    played.run(0)
    assert played.cancel() == job_changes.JobChange(job=played.job)
    running = Played()
    running.start(0)
    running.cancel()
    assert running.cancel() == job_changes.JobChange(job=running.job)


def test_paused_job_starts_nothing_and_its_running_tasks_may_end_it() -> None:
    played = Played(tasks=2)
    played.start(0)
    assert states_told(played.pause()) == [JobState.PAUSED]
    assert played.start(1).refused
    played.end(0)
    assert played.job.state is JobState.PAUSED
    assert states_told(played.resume()) == [JobState.RUNNING]
    assert played.run(1).job.state is JobState.SUCCEEDED
    last = Played()
    last.start(0)
    last.pause()
    assert last.end(0).job.state is JobState.SUCCEEDED


def test_job_that_never_ran_is_pending_again_when_it_is_resumed() -> None:
    played = Played()
    played.pause()
    assert played.pause().events == ()
    assert played.resume().job.state is JobState.PENDING
    assert played.resume().events == ()


def test_failed_attempt_of_a_paused_job_waits_for_the_resume() -> None:
    played = Played(max_attempts=2)
    played.start(0)
    played.pause()
    played.end(0, how=BROKEN)
    assert (played.task().state, played.job.state) == (TaskState.QUEUED, JobState.PAUSED)
    assert played.resume().job.state is JobState.RUNNING


def test_paused_job_can_be_cancelled() -> None:
    waiting = Played(tasks=2)
    waiting.pause()
    assert waiting.cancel().job.state is JobState.CANCELLED
    running = Played(tasks=2)
    running.start(0)
    running.pause()
    asked = running.cancel()
    assert running.job.state is JobState.RUNNING
    assert states_told(asked) == [JobState.RUNNING, TaskState.CANCELLED]
    assert running.end(0, how=BROKEN).job.state is JobState.CANCELLED


def test_retry_lets_what_did_not_succeed_wait_again_with_all_its_attempts() -> None:
    played = Played(tasks=3, max_attempts=2)
    played.run(0)
    for _ in range(2):
        played.run(1, BROKEN)
    played.start(2)
    played.cancel()
    played.end(2, how=BROKEN)
    assert played.job.state is JobState.FAILED
    change = played.retry()
    assert [task.index for task in change.tasks] == [1, 2]
    assert states_told(change) == [JobState.RUNNING, TaskState.QUEUED, TaskState.QUEUED]
    job = played.job
    assert (job.end_time, job.failure, job.cancel_request_time) == (None, None, None)
    assert job.task_counts[TaskState.QUEUED] == 2
    assert played.next_ref(1).number == 3
    played.run(1, BROKEN)
    assert played.task(1).state is TaskState.QUEUED, "the first failure of its new life"
    played.run(1)
    assert played.run(2).job.state is JobState.SUCCEEDED


def test_retry_of_a_job_that_never_ran_makes_it_pending() -> None:
    played = Played()
    played.cancel()
    assert played.retry().job.state is JobState.PENDING


def test_retry_in_steps_goes_on_while_the_first_tasks_run() -> None:
    played = Played(tasks=2)
    played.cancel()
    first = {task.id: task for task in played.tasks.values() if task.index == 0}
    second = {task.id: task for task in played.tasks.values() if task.index == 1}
    played.take(job_changes.retry(played.job, first, LATER))
    assert played.job.state is JobState.RUNNING
    assert played.run(0).job.state is JobState.CANCELLED, "the second task still is"
    change = played.take(job_changes.retry(played.job, second, LATER, is_further=True))
    assert states_told(change) == [JobState.RUNNING, TaskState.QUEUED]
    assert played.run(1).job.state is JobState.SUCCEEDED


def test_retry_in_steps_ends_where_the_job_was_cancelled_again() -> None:
    played = Played(tasks=2)
    played.cancel()
    first = {task.id: task for task in played.tasks.values() if task.index == 0}
    second = {task.id: task for task in played.tasks.values() if task.index == 1}
    played.take(job_changes.retry(played.job, first, LATER))
    played.start(0)
    played.cancel()
    change = job_changes.retry(played.job, second, LATER, is_further=True)
    assert (change.tasks, change.events) == ((), ())


def test_only_a_failed_or_cancelled_job_can_be_retried() -> None:
    played = Played()
    for step in (lambda: None, lambda: played.start(0), lambda: played.end(0)):
        step()
        with pytest.raises(JobNotEnded, match=played.job.state.value):
            played.retry()


def test_ended_job_can_not_be_paused_resumed_or_updated() -> None:
    ended = Played()
    ended.run(0)
    stopping = Played()
    stopping.start(0)
    stopping.cancel()
    for played in (ended, stopping):
        with pytest.raises(JobEnded):
            played.pause()
        with pytest.raises(JobEnded):
            played.resume()
        with pytest.raises(JobEnded):
            job_changes.update(played.job, replace(played.job, owner="x"), NOW, "words")


def test_update_says_what_changed_and_nothing_when_nothing_did() -> None:
    job = Played().job
    changed = replace(job, spec=replace(job.spec, priority=Priority.HIGH))
    change = job_changes.update(job, changed, LATER, "priority is high now")
    assert change.job == changed
    assert [e.payload for e in change.events] == [
        Notice(reason="UPDATED", message="priority is high now")
    ]
    assert job_changes.update(job, replace(job), LATER, "").events == ()


def test_job_is_released_by_each_of_the_jobs_it_waits_for() -> None:
    one, two = JobId("job-a"), JobId("job-b")
    job = Played(waits_for=frozenset({one, two})).job
    first = job_changes.release(job, one, NOW)
    assert first.job.waits_for == {two}
    assert isinstance(first.events[0].payload, Notice)
    assert "still waiting for job-b" in first.events[0].payload.message
    assert job_changes.release(first.job, one, NOW) == job_changes.JobChange(job=first.job)
    assert job_changes.release(first.job, two, NOW).job.waits_for == frozenset()


def test_nothing_is_told_after_the_end_of_a_job_that_was_cancelled_while_it_waited() -> None:
    played = Played(waits_for=frozenset({JobId("job-a")}))
    played.cancel()
    released = job_changes.release(played.job, JobId("job-a"), LATER)
    assert released == job_changes.JobChange(job=played.job)


def test_job_whose_dependency_failed_is_cancelled_with_that_reason() -> None:
    played = Played(waits_for=frozenset({JobId("job-a")}))
    failure = Failure(reason=DEPENDENCY_FAILED, message="job-a failed")
    played.take(job_changes.cancel(played.job, played.tasks, LATER, failure=failure))
    assert (played.job.state, played.job.failure) == (JobState.CANCELLED, failure)
    assert played.retry().job.waits_for == frozenset(), "the user's word goes before"


def test_notice_changes_no_state() -> None:
    job = Played().job
    change = job_changes.notice(job, "R", "words", NOW)
    assert (change.job, change.tasks) == (job, ())
    assert change.events[0].payload == Notice(reason="R", message="words")


def test_success_clears_the_failures_of_earlier_lives() -> None:
    played = Played()
    played.run(0, BROKEN)
    assert played.job.failure == BROKEN.failure
    played.retry()
    played.run(0, SUCCESS)
    assert played.job.failure is None
