"""The store over a real MongoDB: what is atomic is atomic, and every query has its index."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from pymongo import MongoClient

from tensorfleet.orchestrator import job_changes
from tensorfleet.orchestrator.event import EventDraft, JobStateChange, LogLines, LogStream, Metric
from tensorfleet.orchestrator.job import Job, JobState
from tensorfleet.orchestrator.job_changes import AttemptEnd, JobChange
from tensorfleet.orchestrator.retry import AttemptOutcome
from tensorfleet.orchestrator.store.mongo_store import MongoOrchestratorStore
from tensorfleet.orchestrator.task import AttemptRef, Task, TaskState
from tensorfleet.shared.errors import JobNotFound, LeaseLost
from tensorfleet.shared.ids import WorkerId
from tensorfleet.shared.mongo import mongo_connected
from tensorfleet.shared.settings import MongoSettings
from tests.unit.orchestrator.job_examples import JOB_ID, LATER, NOW, WORKER, queued_job

CREATED = EventDraft(time=NOW, payload=JobStateChange(state=JobState.PENDING))
REF = AttemptRef(task_id=queued_job()[1][0].id, number=1)


@pytest.fixture
async def stores(
    mongo_url: str, mongo_database: str
) -> AsyncIterator[tuple[MongoOrchestratorStore, MongoOrchestratorStore]]:
    """Two replicas' stores over one database."""
    settings = MongoSettings(mongo_url=mongo_url, mongo_database=mongo_database)
    async with mongo_connected(settings) as one, mongo_connected(settings) as two:
        pair = MongoOrchestratorStore(one), MongoOrchestratorStore(two)
        await pair[0].ensure_indexes()
        yield pair


@pytest.fixture
def store(stores: tuple[MongoOrchestratorStore, MongoOrchestratorStore]) -> MongoOrchestratorStore:
    return stores[0]


def starts(job: Job, tasks: tuple[Task, ...]) -> JobChange:
    """A rule: the first task starts."""
    if tasks[0].state is not TaskState.QUEUED:
        raise LeaseLost("it runs already")
    return job_changes.start(job, tasks[0], WORKER, NOW)


def ends(outcome: AttemptOutcome) -> Callable[[Job, tuple[Task, ...]], JobChange]:
    """A rule: the first task's first attempt ends."""
    return lambda job, tasks: job_changes.finish(
        job, tasks[0], REF, AttemptEnd(outcome=outcome), LATER, 0.0
    )


def log_lines(count: int, first: int = 1) -> list[EventDraft]:
    return [
        EventDraft(
            time=NOW,
            task_id=REF.task_id,
            attempt=1,
            source_sequence=number,
            payload=LogLines(stream=LogStream.STDOUT, lines=(f"line {number}",)),
        )
        for number in range(first, first + count)
    ]


async def test_job_comes_back_as_it_was_stored(store: MongoOrchestratorStore) -> None:
    job, tasks = queued_job(tasks=2)
    job = replace(job, spec=replace(job.spec, labels={"team.name": "$x"}))
    await store.create_job(job, tasks, [CREATED])
    assert await store.get_job(JOB_ID, "default") == job
    assert tuple(await store.list_tasks(JOB_ID, state=None, after_index=-1, limit=9)) == tasks
    with pytest.raises(JobNotFound):
        await store.get_job(JOB_ID, "another project")


async def test_rule_that_raises_changes_nothing(store: MongoOrchestratorStore) -> None:
    job, tasks = queued_job()
    await store.create_job(job, tasks, [CREATED])

    def broken(_job: Job, _tasks: tuple[Task, ...]) -> JobChange:
        raise LeaseLost("no")

    with pytest.raises(LeaseLost):
        await store.change_job(JOB_ID, None, broken)
    assert await store.get_job(JOB_ID, None) == job
    assert len(await store.list_events(JOB_ID, 0, 99)) == 1


async def test_one_of_two_replicas_starts_a_task(
    stores: tuple[MongoOrchestratorStore, MongoOrchestratorStore],
) -> None:
    job, tasks = queued_job()
    await stores[0].create_job(job, tasks, [CREATED])
    results = await asyncio.gather(
        *(store.change_job(JOB_ID, None, starts) for store in stores), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["JobChange", "LeaseLost"]
    (task,) = await stores[0].list_tasks(JOB_ID, state=None, after_index=-1, limit=9)
    assert len(task.attempts) == 1


async def test_sequence_has_no_gap_when_replicas_write_at_once(
    stores: tuple[MongoOrchestratorStore, MongoOrchestratorStore],
) -> None:
    job, tasks = queued_job(tasks=2)
    await stores[0].create_job(job, tasks, [CREATED])
    await stores[0].change_job(JOB_ID, [tasks[0].id], starts)
    await stores[0].change_job(JOB_ID, [tasks[1].id], starts)
    other = AttemptRef(task_id=tasks[1].id, number=1)
    for round_ in range(10):
        first = round_ * 5 + 1
        await asyncio.gather(
            stores[0].append_events(JOB_ID, REF, log_lines(5, first)),
            stores[1].append_events(
                JOB_ID, other, [replace(d, task_id=other.task_id) for d in log_lines(5, first)]
            ),
        )
    events = await stores[0].list_events(JOB_ID, 0, 999)
    assert [e.sequence for e in events] == list(range(1, len(events) + 1))
    for task in tasks:
        told = [e.draft.source_sequence for e in events if e.draft.task_id == task.id]
        assert [n for n in told if n] == list(range(1, 51))


async def test_event_reported_twice_at_once_is_recorded_once(
    stores: tuple[MongoOrchestratorStore, MongoOrchestratorStore],
) -> None:
    job, tasks = queued_job()
    await stores[0].create_job(job, tasks, [CREATED])
    await stores[0].change_job(JOB_ID, None, starts)
    await asyncio.gather(*(s.append_events(JOB_ID, REF, log_lines(20)) for s in stores))
    events = await stores[0].list_events(JOB_ID, 0, 999)
    logged = [e.draft.source_sequence for e in events if e.draft.source_sequence]
    assert logged == list(range(1, 21))


async def test_nothing_follows_the_terminal_event(store: MongoOrchestratorStore) -> None:
    job, tasks = queued_job()
    await store.create_job(job, tasks, [CREATED])
    await store.change_job(JOB_ID, None, starts)
    await store.change_job(JOB_ID, None, ends(AttemptOutcome.SUCCEEDED))
    with pytest.raises(LeaseLost):
        await store.append_events(JOB_ID, REF, log_lines(1))
    assert (await store.list_events(JOB_ID, 0, 99))[-1].draft.is_terminal


async def test_numbers_that_json_does_not_have_survive(store: MongoOrchestratorStore) -> None:
    job, tasks = queued_job()
    await store.create_job(job, tasks, [CREATED])
    await store.change_job(JOB_ID, None, starts)
    metric = Metric(step=2**63 - 1, values={"a.b": float("inf"), "$c": -0.5})
    draft = replace(log_lines(1)[0], payload=metric)
    await store.append_events(JOB_ID, REF, [draft])
    assert (await store.list_events(JOB_ID, 0, 99))[-1].draft.payload == metric


async def test_every_query_uses_an_index(
    store: MongoOrchestratorStore,
    mongo_admin: MongoClient[dict[str, Any]],
    mongo_database: str,
) -> None:
    """Runs every method with the profiler on, then looks at the plans that MongoDB chose."""
    database = mongo_admin[mongo_database]
    database.command("profile", 2)
    job, tasks = queued_job()
    job = replace(job, request_id="r", request_digest="d")
    await store.create_job(job, tasks, [CREATED])
    await store.create_job(replace(job, id=job.id), tasks, [CREATED])
    await store.change_job(JOB_ID, [tasks[0].id], starts)
    await store.append_events(JOB_ID, REF, log_lines(2))
    await store.change_job(JOB_ID, None, ends(AttemptOutcome.SUCCEEDED))
    await store.list_events(JOB_ID, 1, 5)
    await store.get_task(tasks[0].id)
    for state in (None, JobState.PENDING):
        for kind in ("", "command"):
            await store.list_jobs("default", state=state, kind=kind, before_id="x", limit=5)
    for task_state in (None, TaskState.QUEUED):
        await store.list_tasks(JOB_ID, state=task_state, after_index=-1, limit=5)
    await store.tasks_in_state(TaskState.QUEUED, "", 5)
    await store.running_tasks(WorkerId("w"))
    database.command("profile", 0)
    profiled = list(database["system.profile"].find({"ns": {"$ne": f"{mongo_database}.$cmd"}}))
    plans = {
        (row["ns"].partition(".")[2], row["op"]): row["planSummary"]
        for row in profiled
        if "planSummary" in row
    }
    assert {collection for collection, _ in plans} >= {"jobs", "tasks", "events"}
    assert not [where for where, plan in plans.items() if "COLLSCAN" in plan]
