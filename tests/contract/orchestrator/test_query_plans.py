"""Every query of the orchestrator's store is served by an index: MongoDB's own plans say so."""

from typing import Any

import pytest
from pymongo import MongoClient

from tensorfleet.orchestrator import job_changes
from tensorfleet.orchestrator.job import JobState
from tensorfleet.orchestrator.store.mongo_definitions import MongoDefinitionStore
from tensorfleet.orchestrator.store.mongo_store import MongoOrchestratorStore
from tensorfleet.orchestrator.task import TaskState
from tensorfleet.shared.errors import AddressGiven
from tensorfleet.shared.ids import JobId, WorkerId
from tests.contract.orchestrator.conftest import Replicas
from tests.contract.orchestrator.store_calls import (
    ALL,
    CREATED,
    cancel,
    created,
    finish,
    log_lines,
    ref,
    report,
    retry,
    start,
)
from tests.contract.orchestrator.test_definitions import definition
from tests.contract.orchestrator.test_lives import worker
from tests.unit.orchestrator.job_examples import BROKEN, JOB_ID, LATER, NOW, WORKER, queued_job

OTHER = JobId("job-2")


async def use_every_method(store: MongoOrchestratorStore, fresh: MongoOrchestratorStore) -> None:
    """Calls each method, by each way through its queries; `fresh` knows no job yet."""
    await created(store, request_id="r", tasks=2)
    again, tasks = queued_job(job_id=JobId("job-3"), request_id="r")
    await store.create_job(again, tasks, [CREATED])
    await created(store, job_id=OTHER, waits_for=frozenset({JOB_ID}))
    await start(store, ref(0))
    await report(fresh, ref(0), log_lines(ref(0), 1, 3))
    await store.give_address(ref(0), WORKER, "here:1")
    with pytest.raises(AddressGiven):
        await store.give_address(ref(0), WORKER, "there:1")
    await store.peers(JOB_ID)
    await finish(fresh, ref(0), how=BROKEN)
    await store.look_up(JOB_ID, [ref(0).task_id])
    await store.jobs_waiting_for([JOB_ID])
    await store.change_job(OTHER, [], lambda job, _: job_changes.release(job, JOB_ID, NOW))
    await cancel(store)
    await retry(fresh)
    await store.get_job(JOB_ID, "default")
    await store.get_jobs([JOB_ID, OTHER])
    for state in (None, JobState.PENDING):
        for kind in ("", "command"):
            for before in (None, "x"):
                await store.list_jobs("default", state=state, kind=kind, before_id=before, limit=5)
    for task_state in (None, TaskState.QUEUED, TaskState.RUNNING):
        await store.list_tasks(JOB_ID, state=task_state, after_index=-1, limit=5)
    await store.get_tasks([ref(0).task_id])
    await store.waiting_tasks(None, 5)
    await store.waiting_tasks((JOB_ID, 0), 5)
    for worker_id in (None, WORKER):
        await store.running_tasks(worker_id)
    await store.list_events(JOB_ID, 1, ALL)
    await store.last_sequence(JOB_ID)
    await store.last_sequence(JobId("job-none"))
    await store.drop_events(JOB_ID, 0)
    await store.save_worker(worker("w1"))
    await store.save_worker(worker("w1"))
    await store.get_worker(WORKER)
    await store.list_workers()
    await store.drain_worker(WORKER, is_drained=True)
    await store.quarantine_worker(WORKER, LATER)
    await store.forget_tasks([OTHER])
    await store.forget_workers([WorkerId("w2")])
    for request_id in ("r", "none"):
        await store.find_first("default", "ann", request_id, "digest")


async def use_every_definition_method(store: MongoDefinitionStore) -> None:
    """Calls each method, by each way through its queries."""
    made = definition("d-05", request_id="r")
    await store.delete("default", "walk", "d-05")
    await store.create(made)
    await store.create(made)
    await store.get("default", "walk", "d-05")
    await store.find("default", "walk", ["d-05", "d-06", "none"])
    for after in (None, "d-05"):
        await store.list_after("default", "walk", after_name=after, limit=5)


async def test_every_query_uses_an_index(
    replicas: Replicas, mongo_admin: MongoClient[dict[str, Any]], mongo_database: str
) -> None:
    database = mongo_admin[mongo_database]
    # Enough that no plan is chosen because there is next to nothing to read.
    for number in range(60):
        await created(replicas.one, job_id=JobId(f"job-other-{number}"), tasks=5)
        for kind in ("walk", "other"):
            await replicas.definitions.create(definition(f"d-{number:02}", kind=kind))
    database.command("profile", 2)
    await use_every_method(replicas.one, replicas.two)
    await use_every_definition_method(replicas.definitions)
    database.command("profile", 0)
    plans = {
        (row["ns"].partition(".")[2], row["op"], row["planSummary"]): row
        for row in database["system.profile"].find()
        if "planSummary" in row and "profile" not in row["ns"]
    }
    collections = {"jobs", "tasks", "events", "workers", "definitions"}
    assert {collection for collection, _, _ in plans} == collections
    scans = [key for key, row in plans.items() if "COLLSCAN" in key[2]]
    # All workers are read together, and there are few.
    assert scans == []
    wasteful = [
        (key, row["docsExamined"], row["nreturned"])
        for key, row in plans.items()
        if row.get("docsExamined", 0) > 40 + 4 * row.get("nreturned", 0)
    ]
    assert wasteful == []
