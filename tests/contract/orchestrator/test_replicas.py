"""Two replicas' stores over one MongoDB: nothing lost, nothing twice, no number skipped."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import replace
from typing import Any

from pymongo import MongoClient

from tensorfleet.orchestrator import job_changes
from tensorfleet.orchestrator.event import Event, JobStateChange, Metric, TaskStateChange
from tensorfleet.orchestrator.job import Job, JobState
from tensorfleet.orchestrator.job_changes import JobChange, Tasks
from tensorfleet.orchestrator.store.mongo_store import MongoOrchestratorStore
from tensorfleet.orchestrator.task import TaskState
from tensorfleet.shared.ids import JobId, WorkerId
from tests.contract.orchestrator.conftest import Replicas
from tests.contract.orchestrator.store_calls import (
    ALL,
    CREATED,
    all_events,
    all_tasks,
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
from tests.unit.orchestrator.job_examples import BROKEN, JOB_ID, NOW, queued_job


async def test_replica_sees_what_the_other_one_wrote(replicas: Replicas) -> None:
    one, two = replicas.one, replicas.two
    await created(one, tasks=2)
    await start(one, ref(0))
    assert not (await start(two, ref(1))).refused
    assert (await start(one, ref(1))).refused
    assert not (await finish(two, ref(0))).refused
    assert (await finish(one, ref(0), how=BROKEN)).refused
    assert (await finish(one, ref(1))).job.state is JobState.SUCCEEDED
    assert await all_events(one) == await all_events(two)


async def test_one_of_two_replicas_starts_each_task(replicas: Replicas) -> None:
    await created(replicas.one, tasks=40)
    workers = {replicas.one: WorkerId("w-one"), replicas.two: WorkerId("w-two")}
    changes = await asyncio.gather(
        *(
            start(store, ref(index), worker=worker)
            for index in range(40)
            for store, worker in workers.items()
        )
    )
    started = Counter(task.id for change in changes for task in change.tasks)
    assert started == Counter({ref(index).task_id: 1 for index in range(40)})
    assert sum(len(change.refused) for change in changes) == 40
    tasks = await all_tasks(replicas.one)
    assert [len(task.attempts) for task in tasks] == [1] * 40
    told = [
        (e.draft.task_id, e.draft.payload.worker_id)
        for e in await all_events(replicas.two)
        if isinstance(e.draft.payload, TaskStateChange)
    ]
    assert sorted(told) == sorted((task.id, task.attempts[0].worker_id) for task in tasks)


async def test_every_attempt_ends_once_though_both_replicas_say_how(replicas: Replicas) -> None:
    await created(replicas.one, tasks=30)
    await start(replicas.one, *(ref(index) for index in range(30)))
    changes = await asyncio.gather(
        *(
            finish(store, ref(index), how=how)
            for index in range(30)
            for store, how in (
                (replicas.one, job_changes.AttemptEnd(outcome=BROKEN.outcome)),
                (replicas.two, BROKEN),
            )
        )
    )
    ended = Counter(task.id for change in changes for task in change.tasks)
    assert set(ended.values()) == {1}
    assert len(ended) == 30
    events = await all_events(replicas.one)
    assert [e.draft.is_terminal for e in events].index(True) == len(events) - 1
    job = await replicas.one.get_job(JOB_ID, None)
    assert (job.state, job.task_counts[TaskState.FAILED]) == (JobState.FAILED, 30)


async def test_reports_through_two_replicas_are_all_there_each_in_its_order(
    replicas: Replicas,
) -> None:
    await created(replicas.one, tasks=2)
    await start(replicas.one, ref(0), ref(1))

    async def tell(store: MongoOrchestratorStore, index: int) -> None:
        for first in range(1, 100, 5):
            await report(store, ref(index), log_lines(ref(index), first, 5))

    await asyncio.gather(tell(replicas.one, 0), tell(replicas.two, 1))
    events = await all_events(replicas.one)
    for index in (0, 1):
        told = [e.draft.source_sequence for e in events if e.draft.task_id == ref(index).task_id]
        assert [number for number in told if number] == list(range(1, 101))


async def test_same_request_through_two_replicas_makes_one_job(replicas: Replicas) -> None:
    made = [queued_job(job_id=JobId(f"job-{n}"), request_id="r") for n in range(20)]
    stored = await asyncio.gather(
        *(
            store.create_job(job, tasks, [CREATED])
            for (job, tasks), store in zip(made, [replicas.one, replicas.two] * 10, strict=True)
        )
    )
    assert len({job.id for job in stored}) == 1
    assert len(await replicas.one.waiting_tasks(None, 99)) == 1


async def test_random_lives_through_two_replicas_lose_and_double_nothing(
    replicas: Replicas,
) -> None:
    """Many at once through both; the events, replayed, must give the state that is stored."""
    jobs = [JobId(f"job-{n}") for n in range(4)]
    for job_id in jobs:
        await created(replicas.one, job_id=job_id, tasks=5, max_attempts=3)
    told: Counter[str] = Counter()

    async def act(seed: int) -> None:
        choose = random.Random(seed)  # noqa: S311  not for secrets
        for step in range(12):
            store = choose.choice([replicas.one, replicas.two])
            job_id = choose.choice(jobs)
            attempt = ref(choose.randrange(5), choose.randint(1, 3), job_id)
            match choose.randrange(6):
                case 0 | 1:
                    await start(store, attempt, job_id=job_id)
                case 2:
                    await finish(store, attempt, job_id=job_id, how=BROKEN)
                case 3:
                    await finish(store, attempt, job_id=job_id)
                case 4:
                    words = f"{seed}.{step}"
                    await store.change_job(job_id, [], notice(words))
                    told[words] += 1
                case 5:
                    metric = replace(
                        log_lines(attempt, step + 1, 1)[0], payload=Metric(step=step, values={})
                    )
                    await report(store, attempt, [metric], job_id)

    await asyncio.gather(*(act(seed) for seed in range(12)))
    heard: Counter[str] = Counter()
    for job_id in jobs:
        events = await all_events(replicas.two, job_id)
        job = await replicas.two.get_job(job_id, None)
        tasks = await all_tasks(replicas.one, job_id)
        assert states_replayed(events) == {task.id: task.state for task in tasks}
        counts = Counter(task.state for task in tasks)
        assert {state: n for state, n in job.task_counts.items() if n} == counts
        last = [e.draft.payload for e in events if isinstance(e.draft.payload, JobStateChange)][-1]
        assert last.state is job.state
        heard.update(e.draft.payload.message for e in events if hasattr(e.draft.payload, "message"))
    assert heard == told


def states_replayed(events: list[Any]) -> dict[str, TaskState]:
    states: dict[str, TaskState] = {
        ref(n, job_id=events[0].job_id).task_id: TaskState.QUEUED for n in range(5)
    }
    for event in events:
        if isinstance(event.draft.payload, TaskStateChange):
            states[event.draft.task_id] = event.draft.payload.state
    return states


async def test_numbers_go_on_when_all_events_of_a_job_have_expired(
    replicas: Replicas, mongo_admin: MongoClient[dict[str, Any]], mongo_database: str
) -> None:
    await created(replicas.one)
    await start(replicas.one, ref())
    await report(replicas.one, ref(), log_lines(ref(), 1, 5))
    last = await replicas.one.last_sequence(JOB_ID)
    mongo_admin[mongo_database]["events"].delete_many({})
    assert await replicas.two.last_sequence(JOB_ID) == last
    await finish(replicas.two, ref())
    events = await replicas.one.list_events(JOB_ID, last, ALL)
    assert [e.sequence for e in events] == [last + 1, last + 2]
    assert (await replicas.one.list_events(JOB_ID, 0, ALL))[0].sequence == last


async def test_event_with_a_time_from_long_ago_does_not_expire_before_its_neighbours(
    replicas: Replicas, mongo_admin: MongoClient[dict[str, Any]], mongo_database: str
) -> None:
    """A task's machine may believe that it is 1970; the expiry goes by what the fleet believes."""
    await created(replicas.one)
    await start(replicas.one, ref())
    old = [replace(draft, time=NOW.replace(year=1970)) for draft in log_lines(ref(), 1, 3)]
    await report(replicas.one, ref(), old)
    times = [row["time"] for row in mongo_admin[mongo_database]["events"].find().sort("last")]
    assert times == sorted(times)
    assert min(times) > NOW
    assert (await all_events(replicas.one))[-1].draft == old[-1]


async def test_job_of_a_hundred_thousand_tasks_is_stored_and_started(replicas: Replicas) -> None:
    job, tasks = queued_job(tasks=100_000)
    began = time.monotonic()
    await replicas.one.create_job(job, tasks, [CREATED])
    assert time.monotonic() - began < 30
    change = await start(replicas.two, *(ref(index) for index in range(500)))
    assert change.job.task_counts[TaskState.RUNNING] == 500
    page = await replicas.two.waiting_tasks((JOB_ID, 50_000), 10)
    assert [task.index for task in page] == list(range(50_001, 50_011))


async def test_job_of_many_tasks_is_cancelled_and_retried(replicas: Replicas) -> None:
    await created(replicas.one, tasks=10_000)
    await start(replicas.one, *(ref(index) for index in range(500)))
    assert (await cancel(replicas.one)).job.task_counts[TaskState.CANCELLED] == 9_500
    ended = await finish(replicas.two, *(ref(index) for index in range(500)))
    assert ended.job.state is JobState.CANCELLED
    assert (await retry(replicas.one)).job.task_counts[TaskState.QUEUED] == 9_500
    events: list[Event] = []
    while page := await replicas.two.list_events(JOB_ID, len(events), 5_000):
        events += page
    assert [e.sequence for e in events] == list(range(1, 2 + 501 + 9_501 + 501 + 9_501))
    assert sum(event.draft.is_terminal for event in events) == 1


async def test_replicas_that_meet_again_and_again_both_get_through(replicas: Replicas) -> None:
    await created(replicas.one)

    def count(job: Job, _: Tasks) -> JobChange:
        number = int(job.spec.labels.get("count", "0")) + 1
        spec = replace(job.spec, labels={"count": str(number)})
        return job_changes.update(job, replace(job, spec=spec), NOW, str(number))

    async def work(store: MongoOrchestratorStore) -> None:
        for _ in range(50):
            await store.change_job(JOB_ID, [], count)

    await asyncio.gather(work(replicas.one), work(replicas.two))
    assert (await replicas.two.get_job(JOB_ID, None)).spec.labels == {"count": "100"}
    assert len(await all_events(replicas.one)) == 101
