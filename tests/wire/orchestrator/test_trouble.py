"""Redis emptied at a bad moment, and machines whose clocks are an hour apart, over the wire."""

import asyncio
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from redis import Redis

from tensorfleet.orchestrator.v1 import job_pb2, task_pb2, worker_pb2
from tensorfleet.orchestrator.v1 import job_service_pb2 as pb
from tensorfleet.shared.clock import utc_now
from tests.deadlines import eventually
from tests.wire.orchestrator.conftest import Running
from tests.wire.orchestrator.job_calls import create, ended, events_of, worker_of
from tests.wire.orchestrator.running_orchestrator import OrchestratorDoor
from tests.wire.orchestrator.scripted_worker import Given, ScriptedWorker

HOUR = timedelta(hours=1)


def moment(time: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(time)
    return stamp


async def test_emptied_redis_loses_no_running_waiting_delayed_or_gang_task(
    patient: OrchestratorDoor, redis_url: str
) -> None:
    worker = ScriptedWorker(patient.dispatch, cpus=2).attach(slots=2)
    running = await create(patient, tasks=2)
    refs = [given.ref for given in await worker.assignments(2)]
    start = datetime.now(UTC) + timedelta(seconds=2)
    delayed = await create(patient, not_before_time=moment(start))
    paused = await create(patient)
    await patient.jobs.PauseJob(pb.PauseJobRequest(job_id=paused.id))
    after = await create(patient, after_job_ids=[running.id])
    gang = await create(patient, tasks=2, gang=True, priority=job_pb2.PRIORITY_HIGH)
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
        await eventually(lambda: redis.zcard("job:leases") == 2)
        await eventually(lambda: redis.exists("job:queue:built") == 1)
    for ref in refs:
        worker.finish(ref)
        worker.send(credit={"slots": 1})
    assert (await ended(patient, running.id)).state == job_pb2.JOB_STATE_SUCCEEDED
    order: list[str] = []
    while len(order) < 4:
        given = await worker.assignment()
        order.append(given.job_id)
        assert given.ref.attempt == 1
        assert given.job_id != delayed.id or datetime.now(UTC) >= start
        worker.finish(given.ref)
        worker.send(credit={"slots": 1})
    assert sorted(order) == sorted([gang.id, gang.id, delayed.id, after.id])
    for job in (delayed, after, gang):
        assert (await ended(patient, job.id)).state == job_pb2.JOB_STATE_SUCCEEDED
    await patient.jobs.ResumeJob(pb.ResumeJobRequest(job_id=paused.id))
    assert (await worker.assignment()).job_id == paused.id
    await worker.vanish()


async def test_order_of_jobs_is_the_same_after_redis_was_emptied(
    patient: OrchestratorDoor, redis_url: str
) -> None:
    jobs = [await create(patient, tasks=count, cpus=0.01) for count in (1, 700, 1)]
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
        await eventually(lambda: redis.exists("job:queue:built") == 1)
    worker = ScriptedWorker(patient.dispatch).attach(slots=1)
    seen: list[str] = []
    while len(seen) < 5:
        given = await worker.assignment()
        seen.append(given.job_id)
        worker.finish(given.ref)
        worker.send(credit={"slots": 1})
    assert seen == [jobs[0].id, *[jobs[1].id] * 4]
    await worker.vanish()


async def test_orchestrators_whose_clocks_are_an_hour_apart_agree(running: Running) -> None:
    async with (
        running(machine_clock=lambda: utc_now() + HOUR, lease_seconds=3) as fast,
        running(machine_clock=lambda: utc_now() - HOUR, lease_seconds=3) as slow,
    ):
        workers = [
            ScriptedWorker(fast.dispatch, "at-fast", cpus=1).attach().renews(),
            ScriptedWorker(slow.dispatch, "at-slow", cpus=1).attach().renews(),
        ]
        began = datetime.now(UTC)
        retry = job_pb2.RetryPolicy(max_attempts=2)
        retry.initial_backoff.FromMilliseconds(100)
        for door in (fast, slow):
            start = datetime.now(UTC) + timedelta(seconds=1)
            job = await create(door, not_before_time=moment(start), retry=retry)
            for attempt, outcome in (
                (1, task_pb2.ATTEMPT_OUTCOME_FAILED),
                (2, task_pb2.ATTEMPT_OUTCOME_SUCCEEDED),
            ):
                worker, given = await first_given(workers)
                assert datetime.now(UTC) >= start
                assert (given.job_id, given.ref.attempt) == (job.id, attempt)
                worker.finish(given.ref, outcome, "" if attempt == 2 else "USER_CODE")
                worker.send(credit={"slots": 1})
            for other in (fast, slow):
                times = [e.time.ToDatetime(UTC) for e in await events_of(other, job.id)]
                assert all(abs(time - datetime.now(UTC)) < timedelta(minutes=1) for time in times)
        assert datetime.now(UTC) - began < timedelta(seconds=20)
        for other in (fast, slow):
            for name in ("at-fast", "at-slow"):
                assert (await worker_of(other, name)).state == worker_pb2.WORKER_STATE_ONLINE
        for worker in workers:
            await worker.vanish()


async def first_given(workers: list[ScriptedWorker]) -> tuple[ScriptedWorker, Given]:
    """The next task that either of them is given."""
    asked = {asyncio.create_task(worker.assignment()): worker for worker in workers}
    done, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    (first,) = done
    return asked[first], first.result()
