"""Which of a job's tasks may wait in the queue, and as what."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tensorfleet.orchestrator.backlog import may_wait, next_ref, waiting_entries
from tensorfleet.orchestrator.job import JobState
from tensorfleet.orchestrator.queue.line_codec import line_of_job
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.shared.ids import JobId
from tests.unit.orchestrator.job_examples import LATER, NOW, Played

MINUTE = timedelta(minutes=1)


def test_each_waiting_task_is_an_entry_of_its_next_attempt() -> None:
    played = Played(tasks=3)
    played.start(0)
    played.lose(0)
    played.start(2)
    entries = waiting_entries(
        played.job, line_of_job(played.job), played.tasks.values(), LATER, at_front=False
    )
    assert [entry.refs for entry in entries] == [
        (AttemptRef(task_id=played.task(0).id, number=2),),
        (AttemptRef(task_id=played.task(1).id, number=1),),
    ]
    assert [entry.name for entry in entries] == ["job-1-0#2", "job-1-1#1"]
    assert not any(entry.is_at_front or entry.queued_since for entry in entries)


def test_gang_is_one_entry_that_is_ready_when_its_last_task_is() -> None:
    played = Played(tasks=3, is_gang=True)
    tasks = list(played.tasks.values())
    tasks[1] = replace(tasks[1], ready_time=NOW + MINUTE)
    (entry,) = waiting_entries(played.job, line_of_job(played.job), tasks, NOW)
    assert entry.refs == tuple(next_ref(task) for task in tasks)
    assert (entry.name, entry.delay) == ("gang:job-1#3", MINUTE)
    assert waiting_entries(played.job, line_of_job(played.job), [], NOW) == []


@pytest.mark.parametrize(
    ("ready_minute", "not_before_minute", "delay_minutes"),
    [(0, None, 0), (-5, None, 0), (2, None, 2), (0, 3, 3), (4, 3, 4), (0, -3, 0)],
)
def test_task_is_delayed_by_its_backoff_and_by_its_job(
    ready_minute: int, not_before_minute: int | None, delay_minutes: int
) -> None:
    not_before = None if not_before_minute is None else NOW + not_before_minute * MINUTE
    played = Played(not_before=not_before)
    task = replace(played.task(), ready_time=NOW + ready_minute * MINUTE)
    (entry,) = waiting_entries(played.job, line_of_job(played.job), [task], NOW)
    assert entry.delay == delay_minutes * MINUTE


def test_task_that_goes_to_the_front_waits_since_its_job_was_created() -> None:
    played = Played()
    (entry,) = waiting_entries(
        played.job, line_of_job(played.job), played.tasks.values(), LATER, at_front=True
    )
    assert (entry.is_at_front, entry.queued_since) == (True, NOW)


def test_task_that_goes_back_into_its_place_waits_since_it_was_ready() -> None:
    played = Played(not_before=LATER)
    (entry,) = waiting_entries(
        played.job, line_of_job(played.job), played.tasks.values(), 2 * MINUTE + NOW, in_place=True
    )
    assert (entry.is_at_front, entry.queued_since) == (False, LATER)


def test_only_an_open_job_that_waits_for_nothing_may_wait_in_the_queue() -> None:
    job = Played().job
    assert may_wait(job)
    assert may_wait(replace(job, state=JobState.RUNNING))
    assert not may_wait(replace(job, state=JobState.PAUSED))
    assert not may_wait(replace(job, state=JobState.FAILED))
    assert not may_wait(replace(job, cancel_request_time=NOW))
    assert not may_wait(replace(job, waits_for=frozenset({JobId("job-0")})))
