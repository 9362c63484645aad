"""Tasks that change alike share a statement; each statement names the state that it expects."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pymongo import UpdateMany, UpdateOne

from tensorfleet.orchestrator.store.task_writes import TaskWrite, task_writes
from tests.unit.orchestrator.job_examples import BROKEN, LATER, OTHER_WORKER, Played


def filters(writes: list[TaskWrite]) -> list[Mapping[str, Any]]:
    return [write._filter for write in writes]


def started(played: Played, count: int) -> list[Any]:
    before = dict(played.tasks)
    played.start(*range(count))
    return [(before[task.id], task) for task in list(played.tasks.values())[:count]]


def test_tasks_that_change_alike_share_one_statement() -> None:
    played = Played(tasks=3)
    writes = task_writes(started(played, 3))
    assert [type(write) for write in writes] == [UpdateMany]
    assert filters(writes) == [
        {
            "_id": {"$in": ["job-1-0", "job-1-1", "job-1-2"]},
            "state": "queued",
            "attempt": 0,
        }
    ]


def test_statement_of_one_task_names_it() -> None:
    writes = task_writes(started(Played(), 1))
    assert [type(write) for write in writes] == [UpdateOne]
    assert filters(writes) == [{"_id": "job-1-0", "state": "queued", "attempt": 0}]


def test_tasks_that_differ_before_or_after_do_not_share() -> None:
    played = Played(tasks=4)
    before = dict(played.tasks)
    played.start(0)
    played.lose(0)
    was_lost = played.task(0)
    played.start(0, 1)
    played.start(2, worker=OTHER_WORKER)
    played.start(3, now=LATER)
    pairs = [(before[t.id], t) for t in list(played.tasks.values())[1:]]
    writes = task_writes([(was_lost, played.task(0)), *pairs])
    assert len(writes) == 4
    assert filters(writes)[0] == {"_id": "job-1-0", "state": "queued", "attempt": 1}


def test_tasks_that_fail_or_report_or_succeed_differently_do_not_share() -> None:
    played = Played(tasks=5)
    played.start(0, 1, 2, 3, 4)
    running = list(played.tasks.values())
    after = [
        replace(running[0], reported_through=1),
        replace(running[1], reported_through=2),
        replace(running[2], result_json="1"),
        replace(running[3], ready_time=LATER),
    ]
    played.end(4, how=BROKEN)
    writes = task_writes(zip(running, [*after, played.task(4)], strict=True))
    assert len(writes) == 5
    assert {f["state"] for f in filters(writes)} == {"running"}


def test_statement_writes_everything_that_can_change() -> None:
    played = Played()
    ((before, after),) = started(played, 1)
    (write,) = task_writes([(before, after)])
    update = write._doc
    assert isinstance(update, Mapping)
    told = update["$set"]
    assert told["state"] == "running"
    assert told["attempt"] == 1
    assert told["worker_id"] == "w1"
    assert {"ready_time", "attempts", "result_json", "reported_through", "retry_base"} <= set(told)
