"""What a store promises of jobs' creation and changes, for the fake and for MongoDB."""

import asyncio
from dataclasses import replace

import pytest

from tensorfleet.orchestrator import job_changes
from tensorfleet.orchestrator.event import Notice
from tensorfleet.orchestrator.job import Job, JobState
from tensorfleet.orchestrator.job_changes import JobChange, Tasks
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.orchestrator.task import TaskState
from tensorfleet.shared.errors import (
    IdempotencyConflict,
    JobEnded,
    JobNotFound,
    TensorFleetError,
)
from tensorfleet.shared.ids import JobId, TaskId
from tests.contract.orchestrator.store_calls import (
    ALL,
    CREATED,
    all_events,
    all_tasks,
    created,
    finish,
    log_lines,
    notice,
    ref,
    report,
    retry,
    start,
    task,
)
from tests.unit.orchestrator.job_examples import BROKEN, JOB_ID, LATER, NOW, queued_job

OTHER = JobId("job-2")


async def test_job_comes_back_as_it_was_stored(store: OrchestratorStore) -> None:
    job, tasks = await created(store, tasks=3, labels={"team.name": "$x"})
    assert await store.get_job(JOB_ID, None) == job
    assert await store.get_job(JOB_ID, "default") == job
    assert tuple(await all_tasks(store)) == tasks
    assert [e.draft for e in await all_events(store)] == [CREATED]


async def test_job_of_another_project_is_not_there(store: OrchestratorStore) -> None:
    await created(store)
    with pytest.raises(JobNotFound):
        await store.get_job(JOB_ID, "another")
    with pytest.raises(JobNotFound):
        await store.get_job(OTHER, None)


async def test_repeated_request_gets_the_job_that_was_stored_first(
    store: OrchestratorStore,
) -> None:
    first, _ = await created(store, request_id="r")
    await start(store, ref())
    again, tasks = queued_job(job_id=OTHER, request_id="r")
    stored = await store.create_job(again, tasks, [CREATED])
    assert (stored.id, stored.state) == (first.id, JobState.RUNNING)
    assert await store.get_jobs([OTHER]) == {}
    assert await all_tasks(store, OTHER) == []


async def test_request_id_of_another_request_is_a_conflict(store: OrchestratorStore) -> None:
    await created(store, request_id="r")
    again, tasks = queued_job(job_id=OTHER, request_id="r")
    with pytest.raises(IdempotencyConflict):
        await store.create_job(replace(again, request_digest="another"), tasks, [CREATED])
    assert await store.get_jobs([OTHER]) == {}


@pytest.mark.parametrize("whose", [{"owner": "bob"}, {"project": "vision"}])
async def test_request_ids_of_other_users_and_projects_are_others(
    store: OrchestratorStore, whose: dict[str, str]
) -> None:
    await created(store, request_id="r")
    await created(store, job_id=OTHER, request_id="r", **whose)
    assert set(await store.get_jobs([JOB_ID, OTHER])) == {JOB_ID, OTHER}


async def test_jobs_without_request_id_are_all_new(store: OrchestratorStore) -> None:
    await created(store)
    await created(store, job_id=OTHER)
    assert set(await store.get_jobs([JOB_ID, OTHER])) == {JOB_ID, OTHER}


async def test_same_request_many_times_at_once_makes_one_job(store: OrchestratorStore) -> None:
    made = [queued_job(job_id=JobId(f"job-{n}"), request_id="r", tasks=2) for n in range(10)]
    stored = await asyncio.gather(*(store.create_job(job, tasks, [CREATED]) for job, tasks in made))
    (job_id,) = {job.id for job in stored}
    listed = await store.list_jobs("default", state=None, kind="", before_id=None, limit=99)
    assert [job.id for job in listed] == [job_id]
    assert [task.job_id for task in await store.waiting_tasks(None, 99)] == [job_id] * 2


async def test_change_is_there_as_a_whole_with_its_events(store: OrchestratorStore) -> None:
    await created(store, tasks=2)
    change = await start(store, ref(0))
    assert await store.get_job(JOB_ID, None) == change.job
    assert await all_tasks(store) == [change.tasks[0], queued_job(tasks=2)[1][1]]
    assert [e.draft for e in await all_events(store)] == [CREATED, *change.events]
    assert await store.last_sequence(JOB_ID) == 1 + len(change.events)


async def test_rule_sees_the_tasks_that_were_asked_for(store: OrchestratorStore) -> None:
    await created(store, tasks=3)
    await created(store, job_id=OTHER)
    seen: list[set[TaskId]] = []

    def look(job: Job, tasks: Tasks) -> JobChange:
        seen.append(set(tasks))
        return JobChange(job=job)

    await store.change_job(JOB_ID, [ref(1).task_id], look)
    await store.change_job(JOB_ID, [], look)
    await store.change_job(JOB_ID, [ref(2).task_id, ref(9).task_id, TaskId("job-2-0")], look)
    wanted = [{ref(1).task_id}, set(), {ref(2).task_id}]
    assert [tasks for tasks in wanted if tasks in seen] == wanted
    seen.clear()
    await store.change_job(JOB_ID, None, look)
    assert seen[-1] == {ref(n).task_id for n in range(3)}


async def test_ended_tasks_are_among_all_tasks(store: OrchestratorStore) -> None:
    await created(store, tasks=2)
    await start(store, ref(0))
    await finish(store, ref(0), how=BROKEN)
    await start(store, ref(1))
    await finish(store, ref(1))
    change = await retry(store)
    assert [t.id for t in change.tasks] == [ref(0).task_id]


@pytest.mark.parametrize("error", [JobEnded("no"), KeyError("a defect")])
async def test_what_a_rule_raises_comes_out_and_nothing_has_changed(
    store: OrchestratorStore, error: Exception
) -> None:
    job, _ = await created(store)

    def broken(_job: Job, _tasks: Tasks) -> JobChange:
        raise error

    with pytest.raises(type(error)):
        await store.change_job(JOB_ID, None, broken)
    assert await store.get_job(JOB_ID, None) == job
    assert len(await all_events(store)) == 1


async def test_change_without_event_is_a_defect_and_changes_nothing(
    store: OrchestratorStore,
) -> None:
    job, _ = await created(store)
    with pytest.raises(TensorFleetError, match="no event"):
        await store.change_job(
            JOB_ID, None, lambda job, _: JobChange(job=replace(job, state=JobState.FAILED))
        )
    assert await store.get_job(JOB_ID, None) == job


async def test_what_fails_for_one_asker_is_not_the_others_failure(
    store: OrchestratorStore,
) -> None:
    await created(store)
    await created(store, job_id=OTHER)

    def broken(_job: Job, _tasks: Tasks) -> JobChange:
        raise KeyError("a defect")

    def silent(job: Job, _tasks: Tasks) -> JobChange:
        return JobChange(job=replace(job, owner="nobody"))

    results = await asyncio.gather(
        store.change_job(JOB_ID, [], notice("first")),
        store.change_job(JOB_ID, [], broken),
        store.change_job(JobId("job-none"), [], notice("never")),
        store.change_job(OTHER, [], notice("other")),
        store.change_job(OTHER, [], silent),
        store.change_job(JOB_ID, [], notice("last")),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [
        *(JobChange, KeyError, JobNotFound, JobChange, TensorFleetError, JobChange)
    ]
    assert await words_told(store) == ["first", "last"]
    assert await words_told(store, OTHER) == ["other"]


async def words_told(store: OrchestratorStore, job_id: JobId = JOB_ID) -> list[str]:
    payloads = [e.draft.payload for e in await all_events(store, job_id)]
    return [payload.message for payload in payloads if isinstance(payload, Notice)]


async def test_changes_of_a_job_apply_in_the_order_in_which_they_were_asked_for(
    store: OrchestratorStore,
) -> None:
    await created(store)
    words = [str(n) for n in range(200)]
    await asyncio.gather(*(store.change_job(JOB_ID, [], notice(each)) for each in words))
    assert await words_told(store) == words


async def test_each_change_sees_the_one_before(store: OrchestratorStore) -> None:
    await created(store)

    def count(job: Job, _: Tasks) -> JobChange:
        number = int(job.spec.labels.get("count", "0")) + 1
        spec = replace(job.spec, labels={"count": str(number)})
        return job_changes.update(job, replace(job, spec=spec), NOW, str(number))

    await asyncio.gather(*(store.change_job(JOB_ID, [], count) for _ in range(100)))
    assert (await store.get_job(JOB_ID, None)).spec.labels == {"count": "100"}
    assert await words_told(store) == [str(n) for n in range(1, 101)]


async def test_many_changes_of_many_jobs_at_once_are_all_there(store: OrchestratorStore) -> None:
    jobs = [JobId(f"job-{n}") for n in range(100)]
    await asyncio.gather(*(created(store, job_id=job_id, tasks=3) for job_id in jobs))

    async def live(job_id: JobId, index: int) -> None:
        attempt = ref(index, job_id=job_id)
        await start(store, attempt, job_id=job_id)
        await report(store, attempt, log_lines(attempt, 1, 2), job_id)
        await finish(store, attempt, job_id=job_id)

    await asyncio.gather(*(live(job_id, index) for job_id in jobs for index in range(3)))
    for job in (await store.get_jobs(jobs)).values():
        assert job.state is JobState.SUCCEEDED
        assert job.task_counts[TaskState.SUCCEEDED] == 3
        events = await all_events(store, job.id)
        assert len(events) == 1 + 3 * 4 + 2
        assert events[-1].draft.is_terminal


async def test_refused_attempts_are_told_and_change_nothing(store: OrchestratorStore) -> None:
    await created(store)
    change = await start(store, ref())
    for stale in (ref(number=0), ref(number=2), ref(9)):
        refused = await finish(store, stale)
        assert (refused.refused, refused.job) == (frozenset({stale}), change.job)
    assert (await report(store, ref(number=2), log_lines(ref(), 1, 1))).refused
    assert len(await all_events(store)) == 1 + len(change.events)


async def test_report_that_comes_twice_at_once_is_recorded_once(store: OrchestratorStore) -> None:
    await created(store)
    await start(store, ref())
    drafts = log_lines(ref(), 1, 20)
    await asyncio.gather(*(report(store, ref(), drafts) for _ in range(5)))
    told = [e.draft.source_sequence for e in await all_events(store)]
    assert [n for n in told if n] == list(range(1, 21))
    assert (await task(store, ref().task_id)).reported_through == 20


async def test_asker_who_gives_up_does_not_undo_the_change(store: OrchestratorStore) -> None:
    await created(store)
    asking = asyncio.create_task(start(store, ref()))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await store.change_job(JOB_ID, [], notice("later"))
    assert (await store.get_job(JOB_ID, None)).state is JobState.RUNNING


async def test_look_up_finds_what_never_changes(store: OrchestratorStore) -> None:
    await created(store, tasks=2)
    job, tasks = await store.look_up(JOB_ID, [ref(1).task_id, ref(9).task_id])
    assert job.spec == queued_job()[0].spec
    assert {i: t.index for i, t in tasks.items()} == {ref(1).task_id: 1}
    await start(store, ref(1))
    await finish(store, ref(1))
    _, tasks = await store.look_up(JOB_ID, [ref(1).task_id])
    assert tasks[ref(1).task_id].index == 1
    with pytest.raises(JobNotFound):
        await store.look_up(OTHER, [])


async def test_nothing_of_a_job_is_found_before_it_is_created(store: OrchestratorStore) -> None:
    with pytest.raises(JobNotFound):
        await store.change_job(JOB_ID, None, notice("never"))
    assert await store.list_events(JOB_ID, 0, ALL) == []
    assert await store.last_sequence(JOB_ID) == 0
    assert await store.drop_events(JOB_ID, 0) == 0
    await created(store, create_time=LATER)
    assert await words_told(store) == []
