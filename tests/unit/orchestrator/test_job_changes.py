"""What attempts do to their job: starts, ends, losses, reports; on values alone."""

from dataclasses import replace

import pytest

from tensorfleet.kinds.outcome import OutputType, ProducedOutput
from tensorfleet.orchestrator import job_changes
from tensorfleet.orchestrator.event import EventDraft, JobStateChange, Metric, TaskStateChange
from tensorfleet.orchestrator.job import JobState
from tensorfleet.orchestrator.job_changes import AttemptEnd, JobChange
from tensorfleet.orchestrator.retry import INFRASTRUCTURE_LIMITS, AttemptOutcome
from tensorfleet.orchestrator.task import AttemptRef, TaskState
from tensorfleet.shared.ids import TaskId, WorkerId
from tests.unit.orchestrator.job_examples import (
    BROKEN,
    LATER,
    NOW,
    OTHER_WORKER,
    PREEMPTED,
    SUCCESS,
    WORKER,
    Played,
)


def states_told(change: JobChange) -> list[object]:
    return [
        e.payload.state
        for e in change.events
        if isinstance(e.payload, JobStateChange | TaskStateChange)
    ]


def test_job_runs_from_its_first_task_on() -> None:
    played = Played(tasks=2)
    change = played.start(0, now=LATER)
    assert (change.job.state, change.job.start_time) == (JobState.RUNNING, LATER)
    assert change.tasks[0].attempts[0].worker_id == WORKER
    assert states_told(change) == [JobState.RUNNING, TaskState.RUNNING]
    assert states_told(played.start(1)) == [TaskState.RUNNING]
    assert played.job.task_counts == {TaskState.QUEUED: 0, TaskState.RUNNING: 2}


def test_job_succeeds_with_its_last_task_and_says_so_last() -> None:
    played = Played(tasks=2)
    assert played.run(0).job.state is JobState.RUNNING
    last = played.run(1)
    assert (last.job.state, last.job.end_time) == (JobState.SUCCEEDED, LATER)
    assert states_told(last) == [TaskState.SUCCEEDED, JobState.SUCCEEDED]


def test_many_tasks_end_in_one_change_with_one_terminal_event() -> None:
    played = Played(tasks=3)
    played.start(0, 1, 2)
    change = played.end(0, 1, 2)
    assert states_told(change) == [TaskState.SUCCEEDED] * 3 + [JobState.SUCCEEDED]


def test_job_keeps_the_first_failure_when_later_tasks_end_otherwise() -> None:
    played = Played(tasks=3)
    played.run(0, BROKEN)
    assert BROKEN.failure
    second = AttemptEnd(
        outcome=AttemptOutcome.FAILED, failure=replace(BROKEN.failure, message="the second")
    )
    played.run(1, second)
    played.run(2)
    assert (played.job.state, played.job.failure) == (JobState.FAILED, BROKEN.failure)


def test_success_brings_outputs_and_result_to_job_and_task() -> None:
    output = ProducedOutput(type=OutputType.ARTIFACT, name="a", version=0, artifact_id="b")
    played = Played(tasks=2)
    end = AttemptEnd(outcome=AttemptOutcome.SUCCEEDED, outputs=(output,), result_json='{"loss": 1}')
    change = played.run(0, end)
    assert change.job.outputs == (output,)
    assert change.tasks[0].result_json == '{"loss": 1}'
    told = change.events[0].payload
    assert isinstance(told, TaskStateChange)
    assert told.result_json == '{"loss": 1}'
    played.run(1, end)
    assert played.job.outputs == (output, output)


def test_outputs_of_what_did_not_succeed_are_not_the_jobs() -> None:
    output = ProducedOutput(type=OutputType.ARTIFACT, name="a", version=0, artifact_id="b")
    played = Played()
    assert played.run(0, replace(BROKEN, outputs=(output,))).job.outputs == ()


def test_failed_task_waits_again_while_it_has_attempts() -> None:
    played = Played(max_attempts=2)
    change = played.run(0, BROKEN)
    assert (played.task().state, played.job.state) == (TaskState.QUEUED, JobState.RUNNING)
    assert played.task().ready_time > LATER
    assert not change.at_front
    played.run(0, BROKEN)
    assert played.job.state is JobState.FAILED
    assert [a.number for a in played.task().attempts] == [1, 2]


@pytest.mark.parametrize("how", [PREEMPTED, AttemptEnd(outcome=AttemptOutcome.LOST)])
def test_attempt_that_was_handed_back_runs_again_at_once_and_at_the_front(
    how: AttemptEnd,
) -> None:
    played = Played(max_attempts=1)
    change = played.run(0, how)
    assert (played.task().state, change.at_front) == (TaskState.QUEUED, True)
    assert played.task().ready_time == LATER
    assert played.run(0).job.state is JobState.SUCCEEDED


def test_lost_attempt_names_its_worker_and_does_not_count() -> None:
    played = Played(max_attempts=1)
    played.start(0, worker=WorkerId("w7"))
    change = played.lose(0)
    assert change.at_front
    failure = played.task().attempts[0].failure
    assert failure is not None
    assert failure.reason == "WORKER_LOST"
    assert "w7" in failure.message
    assert played.run(0).job.state is JobState.SUCCEEDED


def test_task_that_loses_every_worker_fails_in_the_end() -> None:
    played = Played()
    for _ in range(INFRASTRUCTURE_LIMITS["WORKER_LOST"] + 1):
        assert played.task().state is TaskState.QUEUED
        played.start(0)
        played.lose(0)
    assert (played.task().state, played.job.state) == (TaskState.FAILED, JobState.FAILED)
    assert played.job.failure is not None
    assert played.job.failure.reason == "WORKER_LOST"


@pytest.mark.parametrize("stale", [-1, 1])
def test_start_of_another_attempt_is_refused(stale: int) -> None:
    played = Played()
    change = played.start(0, stale=stale)
    assert change.refused == {AttemptRef(task_id=played.task().id, number=1 + stale)}
    assert (change.events, played.job.state) == ((), JobState.PENDING)


def test_task_starts_once() -> None:
    played = Played()
    ref = played.next_ref(0)
    played.start(0)
    change = job_changes.start(played.job, played.tasks, [(ref, OTHER_WORKER)], NOW)
    assert change == JobChange(job=played.job, refused=frozenset({ref}))


def test_start_of_a_task_that_is_not_there_is_refused() -> None:
    played = Played()
    ref = AttemptRef(task_id=TaskId("job-1-9"), number=1)
    assert job_changes.start(played.job, {}, [(ref, WORKER)], NOW).refused == {ref}


def test_refusal_of_one_start_does_not_touch_the_others() -> None:
    played = Played(tasks=2)
    played.start(0)
    refs = [AttemptRef(task_id=played.task(i).id, number=1) for i in (0, 1)]
    claimed = [(ref, WORKER) for ref in refs]
    change = played.take(job_changes.start(played.job, played.tasks, claimed, NOW))
    assert change.refused == {refs[0]}
    assert [task.id for task in change.tasks] == [refs[1].task_id]


def test_gang_starts_whole_or_not_at_all() -> None:
    played = Played(tasks=3, is_gang=True)
    refs = [played.next_ref(index) for index in range(3)]
    wrong = [refs[0], refs[1], refs[2]._replace(number=2)]
    change = job_changes.start(played.job, played.tasks, [(r, WORKER) for r in wrong], NOW)
    assert (change.refused, change.tasks, change.events) == (frozenset(wrong), (), ())
    change = job_changes.start(played.job, played.tasks, [(r, WORKER) for r in refs], NOW)
    assert not change.refused
    assert change.job.task_counts[TaskState.RUNNING] == 3


@pytest.mark.parametrize("number", [0, 2])
def test_end_of_another_attempt_is_void(number: int) -> None:
    played = Played()
    played.start(0)
    stale = AttemptRef(task_id=played.task().id, number=number)
    change = job_changes.finish(
        played.job, played.tasks, WORKER, [(stale, SUCCESS)], LATER, lambda: 0.0
    )
    assert change == JobChange(job=played.job, refused=frozenset({stale}))


def test_end_from_another_worker_is_void() -> None:
    played = Played()
    played.start(0, worker=WORKER)
    assert played.end(0, worker=OTHER_WORKER).refused == {played.task().current}
    assert played.task().state is TaskState.RUNNING
    assert not played.end(0, worker=WORKER).refused


def test_end_is_recorded_once() -> None:
    played = Played(tasks=2)
    played.run(0)
    change = played.end(0, how=BROKEN)
    assert change.refused == {played.task(0).current}
    assert played.task(0).state is TaskState.SUCCEEDED


def test_refusal_of_one_end_does_not_touch_the_others() -> None:
    played = Played(tasks=2)
    played.start(0)
    played.start(1, worker=OTHER_WORKER)
    change = played.end(0, 1)
    assert change.refused == {played.task(1).current}
    assert [task.state for task in change.tasks] == [TaskState.SUCCEEDED]


def test_report_of_the_running_attempt_is_told_once() -> None:
    played = Played()
    played.start(0)
    ref = played.task().current
    drafts = [
        EventDraft(
            time=NOW,
            task_id=ref.task_id,
            attempt=1,
            source_sequence=number,
            payload=Metric(step=number, values={}),
        )
        for number in (1, 2, 3)
    ]
    first = played.take(job_changes.report(played.job, played.tasks, ref, WORKER, drafts[:2]))
    assert list(first.events) == drafts[:2]
    again = played.take(job_changes.report(played.job, played.tasks, ref, WORKER, drafts))
    assert list(again.events) == drafts[2:]
    assert job_changes.report(played.job, played.tasks, ref, WORKER, drafts).events == ()
    stale = ref._replace(number=0)
    refused = job_changes.report(played.job, played.tasks, stale, WORKER, drafts)
    assert (refused.refused, refused.events) == (frozenset({stale}), ())
    assert job_changes.report(played.job, played.tasks, ref, OTHER_WORKER, drafts).refused


def test_next_attempts_reports_count_from_one_again() -> None:
    played = Played()
    for _ in range(2):
        played.start(0)
        ref = played.task().current
        draft = EventDraft(time=NOW, source_sequence=1, payload=Metric(step=1, values={}))
        change = played.take(job_changes.report(played.job, played.tasks, ref, WORKER, [draft]))
        assert change.events == (draft,)
        played.lose(0)
