"""What a store promises of events, queries and workers, for the fake and for MongoDB."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tensorfleet.orchestrator import job_changes
from tensorfleet.orchestrator.event import Notice
from tensorfleet.orchestrator.job import JobState
from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.store.event_blocks import MAX_BLOCK_EVENTS
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.orchestrator.task import TaskState
from tensorfleet.orchestrator.worker import Worker
from tensorfleet.shared.errors import WorkerNotFound
from tensorfleet.shared.ids import JobId, WorkerId
from tests.contract.orchestrator.store_calls import (
    ALL,
    all_events,
    cancel,
    created,
    finish,
    log_lines,
    notice,
    ref,
    report,
    retry,
    start,
)
from tests.unit.orchestrator.job_examples import (
    BROKEN,
    JOB_ID,
    LATER,
    NOW,
    OTHER_WORKER,
    WORKER,
)

A, B, C = JobId("job-a"), JobId("job-b"), JobId("job-c")


async def test_events_go_on_where_they_ended_when_a_job_is_retried(
    store: OrchestratorStore,
) -> None:
    await created(store, tasks=2)
    await start(store, ref(0), ref(1))
    await finish(store, ref(0), ref(1), how=BROKEN)
    first_life = await all_events(store)
    assert first_life[-1].draft.is_terminal
    await retry(store)
    await start(store, ref(0, 2), ref(1, 2))
    await finish(store, ref(0, 2), ref(1, 2))
    events = await all_events(store)
    assert events[: len(first_life)] == first_life
    assert sum(e.draft.is_terminal for e in events) == 2
    assert (await store.get_job(JOB_ID, None)).state is JobState.SUCCEEDED


async def test_reader_gets_events_after_the_last_one_it_saw(store: OrchestratorStore) -> None:
    await created(store)
    await start(store, ref())
    for first in range(1, 60, 3):
        await report(store, ref(), log_lines(ref(), first, 3))
    whole = await all_events(store)
    for after in (0, 1, 4, 30, len(whole) - 1, len(whole), 999):
        assert await store.list_events(JOB_ID, after, ALL) == whole[after:]
    page = await store.list_events(JOB_ID, 2, 5)
    assert len(page) >= 5
    assert page == whole[2 : 2 + len(page)]


async def test_more_events_than_a_block_holds_come_in_one_change(
    store: OrchestratorStore,
) -> None:
    await created(store)
    await start(store, ref())
    drafts = log_lines(ref(), 1, MAX_BLOCK_EVENTS * 2)
    await report(store, ref(), drafts)
    assert [e.draft for e in await all_events(store)][-len(drafts) :] == drafts


async def test_events_beyond_a_size_go_the_oldest_first_and_a_notice_says_so(
    store: OrchestratorStore,
) -> None:
    await created(store)
    await start(store, ref())
    for number in range(1, 11):
        await report(store, ref(), log_lines(ref(), number, 1, size=1000))
    whole = await all_events(store)
    assert await store.drop_events(JOB_ID, 10**9) == 0
    assert await store.drop_events(JOB_ID, 3500) > 5
    first, *rest = await store.list_events(JOB_ID, 0, ALL)
    assert isinstance(first.draft.payload, Notice)
    assert first.draft.payload.reason == "EVENTS_EXPIRED"
    assert str(first.sequence) in first.draft.payload.message
    assert rest == whole[first.sequence :]
    assert 3 <= len(rest) <= 4
    assert await store.list_events(JOB_ID, first.sequence, ALL) == rest
    assert await store.drop_events(JOB_ID, 3500) == 0
    await store.drop_events(JOB_ID, 0)
    assert (await store.list_events(JOB_ID, 0, ALL))[-1] == whole[-1], "the last always stays"
    await finish(store, ref())
    assert await store.last_sequence(JOB_ID) == len(whole) + 2


async def test_jobs_are_listed_newest_first_by_state_and_kind(store: OrchestratorStore) -> None:
    for job_id, kind in ((A, "train"), (B, "command"), (C, "train")):
        await created(store, job_id=job_id, kind=kind)
    await created(store, job_id=JobId("job-d"), project="another")
    await start(store, ref(job_id=A), job_id=A)

    async def listed(
        state: JobState | None = None, kind: str = "", before: str | None = None, limit: int = 9
    ) -> list[JobId]:
        jobs = await store.list_jobs(
            "default", state=state, kind=kind, before_id=before, limit=limit
        )
        return [job.id for job in jobs]

    assert await listed() == [C, B, A]
    assert await listed(limit=2) == [C, B]
    assert await listed(before=B) == [A]
    assert await listed(kind="train") == [C, A]
    assert await listed(state=JobState.RUNNING) == [A]
    assert await listed(state=JobState.PENDING, kind="train") == [C]


async def test_jobs_that_wait_for_another_are_found_until_they_are_released_or_ended(
    store: OrchestratorStore,
) -> None:
    await created(store, job_id=A)
    await created(store, job_id=B, waits_for=frozenset({A}))
    await created(store, job_id=C, waits_for=frozenset({A, B}))

    async def waiting_for(job_id: JobId) -> set[JobId]:
        return {job.id for job in await store.jobs_waiting_for([job_id])}

    assert await waiting_for(A) == {B, C}
    assert await waiting_for(B) == {C}
    assert await waiting_for(C) == set()
    await store.change_job(B, [], lambda job, _: job_changes.release(job, A, NOW))
    assert await waiting_for(A) == {C}
    await cancel(store, C)
    assert await waiting_for(A) == set()


async def test_waiting_tasks_of_newer_jobs_come_first_page_after_page(
    store: OrchestratorStore,
) -> None:
    for job_id in (A, C, B):
        await created(store, job_id=job_id, tasks=3)
    await start(store, ref(1, job_id=B), job_id=B)
    found: list[tuple[JobId, int]] = []
    place = None
    while tasks := await store.waiting_tasks(place, 2):
        found += [(task.job_id, task.index) for task in tasks]
        place = found[-1]
    assert found == [(C, 0), (C, 1), (C, 2), (B, 0), (B, 2), (A, 0), (A, 1), (A, 2)]


async def test_tasks_are_listed_by_index_and_state(store: OrchestratorStore) -> None:
    await created(store, tasks=12)
    await start(store, ref(3), ref(11))

    async def listed(state: TaskState | None, after: int, limit: int) -> list[int]:
        tasks = await store.list_tasks(JOB_ID, state=state, after_index=after, limit=limit)
        return [task.index for task in tasks]

    assert await listed(None, -1, 3) == [0, 1, 2]
    assert await listed(None, 9, 9) == [10, 11]
    assert await listed(TaskState.RUNNING, -1, 9) == [3, 11]
    assert await listed(TaskState.QUEUED, 2, 2) == [4, 5]


async def test_running_tasks_are_found_by_the_worker_that_has_them_now(
    store: OrchestratorStore,
) -> None:
    await created(store, tasks=3)
    await start(store, ref(0), ref(1))
    await start(store, ref(2), worker=OTHER_WORKER)
    await finish(store, ref(1))

    async def running(worker_id: WorkerId | None) -> set[int]:
        return {task.index for task in await store.running_tasks(worker_id)}

    assert await running(WORKER) == {0}
    assert await running(OTHER_WORKER) == {2}
    assert await running(None) == {0, 2}
    assert await running(WorkerId("w9")) == set()


def worker(name: str) -> Worker:
    return Worker(
        id=WorkerId(name),
        instance_id="i1",
        version="1",
        hostname="h",
        capacity=Resources(cpus=4, memory_bytes=2**33, labels={"a.b": "c"}),
        slots=2,
        is_leaving=False,
        create_time=NOW,
        register_time=NOW,
    )


async def test_workers_return_keeps_when_it_first_came_its_drain_and_its_quarantine(
    store: OrchestratorStore,
) -> None:
    first = worker("w1")
    await store.save_worker(first)
    assert await store.get_worker(first.id) == first
    await store.drain_worker(first.id, is_drained=True)
    await store.quarantine_worker(first.id, LATER)
    again = replace(first, instance_id="i2", slots=9, create_time=LATER, register_time=LATER)
    await store.save_worker(again)
    assert await store.get_worker(first.id) == replace(
        again, create_time=NOW, is_drained=True, quarantine_end_time=LATER
    )


async def test_end_of_a_drain_ends_the_quarantine_too(store: OrchestratorStore) -> None:
    await store.save_worker(worker("w1"))
    await store.quarantine_worker(WORKER, LATER)
    await store.drain_worker(WORKER, is_drained=True)
    assert (await store.get_worker(WORKER)).is_quarantined(LATER - timedelta(seconds=1))
    await store.drain_worker(WORKER, is_drained=False)
    assert (await store.get_worker(WORKER)).takes_tasks(NOW)


async def test_workers_are_listed_by_id_until_they_are_forgotten(
    store: OrchestratorStore,
) -> None:
    for name in ("w2", "w10", "w1"):
        await store.save_worker(worker(name))
    assert [w.id for w in await store.list_workers()] == ["w1", "w10", "w2"]
    await store.forget_workers([WorkerId("w10"), WorkerId("w3")])
    assert [w.id for w in await store.list_workers()] == ["w1", "w2"]
    with pytest.raises(WorkerNotFound):
        await store.get_worker(WorkerId("w10"))
    with pytest.raises(WorkerNotFound):
        await store.drain_worker(WorkerId("w10"), is_drained=True)
    await store.quarantine_worker(WorkerId("w10"), LATER)
    assert len(await store.list_workers()) == 2


async def test_notice_counts_like_any_event(store: OrchestratorStore) -> None:
    await created(store)
    await store.change_job(JOB_ID, [], notice("words"))
    assert await store.last_sequence(JOB_ID) == 2
