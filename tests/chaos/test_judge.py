"""The verdict of chaos tests sees what it is there to see."""

from collections.abc import Callable

import pytest

from tensorfleet.orchestrator.v1 import event_pb2, job_pb2, task_pb2
from tests.chaos.judge import problems_of, problems_of_runs

SUCCEEDED = task_pb2.TASK_STATE_SUCCEEDED
TASK = "job-1-0"
FIRST = "/w/attempts/job-1-0#1/scratch"
SECOND = "/w/attempts/job-1-0#2/scratch"


def job() -> job_pb2.Job:
    """A job whose only task was lost once and then succeeded."""
    return job_pb2.Job(
        id="job-1",
        state=job_pb2.JOB_STATE_SUCCEEDED,
        tasks=job_pb2.TaskCounts(total=1, succeeded=1),
    )


def task() -> task_pb2.Task:
    """Its task."""
    return task_pb2.Task(
        id=TASK,
        state=SUCCEEDED,
        attempts=[
            task_pb2.Attempt(number=1, outcome=task_pb2.ATTEMPT_OUTCOME_LOST),
            task_pb2.Attempt(number=2, outcome=task_pb2.ATTEMPT_OUTCOME_SUCCEEDED),
        ],
    )


def events() -> list[event_pb2.Event]:
    """Its events."""
    return [
        event_pb2.Event(sequence=1, task_id=TASK, log=event_pb2.LogLines(lines=["x"])),
        event_pb2.Event(
            sequence=2, task_id=TASK, task_state=event_pb2.TaskStateChange(state=SUCCEEDED)
        ),
        event_pb2.Event(sequence=3, job_state=event_pb2.JobStateChange(is_terminal=True)),
    ]


RUNS = [f"begin {FIRST}", f"begin {SECOND}", f"end {SECOND}"]

Told = tuple[job_pb2.Job, task_pb2.Task, list[event_pb2.Event]]


def test_job_as_it_should_be_has_no_problems() -> None:
    assert problems_of(job(), [task()], events()) == []
    assert problems_of_runs([task()], RUNS) == []


def still_runs(told: Told) -> None:
    told[0].state = job_pb2.JOB_STATE_RUNNING


def counts_are_stale(told: Told) -> None:
    told[0].tasks.running = 1


def task_failed(told: Told) -> None:
    told[1].state = task_pb2.TASK_STATE_FAILED


def attempt_is_missing(told: Told) -> None:
    del told[1].attempts[0]


def succeeded_twice(told: Told) -> None:
    told[1].attempts[0].outcome = task_pb2.ATTEMPT_OUTCOME_SUCCEEDED


def event_is_missing(told: Told) -> None:
    del told[2][0]


def event_is_repeated(told: Told) -> None:
    told[2].insert(1, told[2][0])


def success_is_told_twice(told: Told) -> None:
    told[2][0].CopyFrom(told[2][1])
    told[2][0].sequence = 1


def terminal_event_is_not_the_last(told: Told) -> None:
    told[2].append(event_pb2.Event(sequence=4, log=event_pb2.LogLines(lines=["late"])))


@pytest.mark.parametrize(
    "spoil",
    [
        still_runs,
        counts_are_stale,
        task_failed,
        attempt_is_missing,
        succeeded_twice,
        event_is_missing,
        event_is_repeated,
        success_is_told_twice,
        terminal_event_is_not_the_last,
    ],
)
def test_spoiled_job_has_problems(spoil: Callable[[Told], None]) -> None:
    told = (job(), task(), events())
    spoil(told)
    assert problems_of(told[0], [told[1]], told[2])


@pytest.mark.parametrize(
    "runs",
    [
        [*RUNS, f"begin {SECOND}"],
        RUNS[:-1],
        [*RUNS, "begin /w/attempts/job-1-0#3/scratch"],
        [*RUNS, "garbage"],
    ],
    ids=["attempt ran twice", "success did not end", "unknown attempt", "unreadable"],
)
def test_spoiled_runs_have_problems(runs: list[str]) -> None:
    assert problems_of_runs([task()], runs)
