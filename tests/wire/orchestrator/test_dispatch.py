"""Jobs' way to workers and back, over real stores and real sockets."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis import Redis

from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import (
    event_pb2,
    failure_pb2,
    job_pb2,
    task_pb2,
    worker_pb2,
    worker_service_pb2,
)
from tensorfleet.orchestrator.v1 import job_service_pb2 as jobs_pb
from tensorfleet.shared import errors
from tensorfleet.shared.grpc_errors import rpc_errors_translated
from tests.deadlines import eventually
from tests.wire.orchestrator.running_orchestrator import (
    OrchestratorDoor,
    command_job,
    orchestrator_running,
)
from tests.wire.orchestrator.scripted_worker import ScriptedWorker

SUCCEEDED = task_pb2.ATTEMPT_OUTCOME_SUCCEEDED
FAILED = task_pb2.ATTEMPT_OUTCOME_FAILED


@pytest.fixture
async def door(
    mongo_url: str, mongo_database: str, redis_url: str
) -> AsyncIterator[OrchestratorDoor]:
    async with orchestrator_running(mongo_url, mongo_database, redis_url) as door:
        yield door


async def job_of(door: OrchestratorDoor, job_id: str) -> job_pb2.Job:
    return (await door.jobs.GetJob(jobs_pb.GetJobRequest(job_id=job_id))).job


async def events_of(door: OrchestratorDoor, job_id: str, after: int = 0) -> list[event_pb2.Event]:
    """Every event of a job that ends."""
    async with asyncio.timeout(20):
        request = jobs_pb.WatchEventsRequest(job_id=job_id, after_sequence=after)
        return [e async for r in door.jobs.WatchEvents(request) for e in r.events]


async def create(door: OrchestratorDoor, **changes: object) -> job_pb2.Job:
    return (await door.jobs.CreateJob(command_job(**changes))).job


def finish(worker: ScriptedWorker, ref: pb.AttemptRef, outcome: int, reason: str = "") -> None:
    message = pb.AttemptFinished(ref=ref, outcome=outcome)  # type: ignore[arg-type]
    if reason:
        message.failure.CopyFrom(failure_pb2.Failure(reason=reason, message="it broke"))
    worker.send(finished=message)


async def test_job_runs_and_its_events_end_with_the_terminal_one(door: OrchestratorDoor) -> None:
    worker = ScriptedWorker(door.dispatch).attach()
    job = await create(door)
    assignment = await worker.assignment()
    assert (assignment.job_id, assignment.kind, assignment.ref.attempt) == (job.id, "command", 1)
    worker.report(assignment.ref, 1, "hello", "world")
    finish(worker, assignment.ref, SUCCEEDED)
    events = await events_of(door, job.id)
    assert [e.sequence for e in events] == list(range(1, len(events) + 1))
    assert [e.WhichOneof("payload") for e in events] == [
        *("job_state", "job_state", "task_state", "log", "log", "task_state", "job_state")
    ]
    assert events[-1].job_state.state == job_pb2.JOB_STATE_SUCCEEDED
    assert events[-1].job_state.is_terminal
    done = await job_of(door, job.id)
    assert (done.state, done.tasks.succeeded) == (job_pb2.JOB_STATE_SUCCEEDED, 1)
    await worker.vanish()


async def test_reader_that_comes_back_misses_nothing_and_sees_nothing_twice(
    door: OrchestratorDoor,
) -> None:
    worker = ScriptedWorker(door.dispatch).attach()
    job = await create(door)
    ref = (await worker.assignment()).ref
    worker.report(ref, 1, *[f"line {n}" for n in range(50)])
    finish(worker, ref, SUCCEEDED)
    whole = await events_of(door, job.id)
    assert await events_of(door, job.id, after=20) == whole[20:]
    assert await events_of(door, job.id, after=len(whole)) == []
    await worker.vanish()


async def test_live_reader_sees_an_event_while_the_job_runs(door: OrchestratorDoor) -> None:
    worker = ScriptedWorker(door.dispatch).attach()
    job = await create(door)
    ref = (await worker.assignment()).ref
    call = door.jobs.WatchEvents(jobs_pb.WatchEventsRequest(job_id=job.id))
    async with asyncio.timeout(10):
        async for response in call:
            if response.events[-1].HasField("task_state"):
                worker.report(ref, 1, "now")
            elif response.events[-1].HasField("log"):
                assert response.events[-1].log.lines == ["now"]
                break
    call.cancel()
    await worker.vanish()


async def test_events_sent_again_after_a_break_are_recorded_once(door: OrchestratorDoor) -> None:
    worker = ScriptedWorker(door.dispatch).attach()
    job = await create(door)
    ref = (await worker.assignment()).ref
    worker.report(ref, 1, "a", "b")
    await worker.receive("events_recorded")
    await worker.vanish()
    again = ScriptedWorker(door.dispatch).attach(running=[ref])
    again.report(ref, 1, "a", "b", "c")
    assert (await again.receive("events_recorded")).events_recorded.through_source_sequence == 3
    finish(again, ref, SUCCEEDED)
    lines = [line for e in await events_of(door, job.id) for line in e.log.lines]
    assert lines == ["a", "b", "c"]
    await again.vanish()


async def test_higher_priority_goes_first(door: OrchestratorDoor) -> None:
    low = await create(door, priority=job_pb2.PRIORITY_LOW)
    normal = await create(door)
    high = await create(door, priority=job_pb2.PRIORITY_HIGH)
    worker = ScriptedWorker(door.dispatch).attach()
    order = [(await worker.assignment()).job_id for _ in range(3)]
    assert order == [high.id, normal.id, low.id]
    await worker.vanish()


async def test_worker_gets_no_more_than_its_credit_and_its_cores(door: OrchestratorDoor) -> None:
    worker = ScriptedWorker(door.dispatch, cpus=2.0).attach(slots=10)
    for _ in range(3):
        await create(door)
    first = await worker.assignment()
    await worker.assignment()

    # The third needs a core that is taken; it comes when one is free.
    async def has_two() -> bool:
        workers = await door.workers.ListWorkers(worker_service_pb2.ListWorkersRequest())
        return len(workers.workers[0].running_task_ids) == 2

    await eventually(has_two)
    assert not worker.has_received("assignment")
    finish(worker, first.ref, SUCCEEDED)
    await worker.assignment()
    await worker.vanish()


async def test_silent_worker_loses_its_task_to_another_one(door: OrchestratorDoor) -> None:
    silent = ScriptedWorker(door.dispatch, "silent").attach()
    job = await create(door)
    lost = (await silent.assignment()).ref
    await silent.vanish()
    other = ScriptedWorker(door.dispatch, "other").attach()
    assignment = await other.assignment()
    assert assignment.ref.task_id == lost.task_id
    assert assignment.ref.attempt == 2
    finish(other, assignment.ref, SUCCEEDED)
    states = [e for e in await events_of(door, job.id) if e.HasField("task_state")]
    assert states[1].task_state.failure.reason == "WORKER_LOST"
    assert (await job_of(door, job.id)).state == job_pb2.JOB_STATE_SUCCEEDED
    await other.vanish()


async def test_worker_that_restarts_gets_its_lost_task_again_without_waiting_for_the_lease(
    mongo_url: str, mongo_database: str, redis_url: str
) -> None:
    async with orchestrator_running(
        mongo_url, mongo_database, redis_url, lease_seconds=1000, renew_interval_seconds=100
    ) as door:
        first_life = ScriptedWorker(door.dispatch).attach()
        job = await create(door)
        await first_life.assignment()
        await first_life.vanish()
        second_life = ScriptedWorker(door.dispatch).attach()
        assignment = await second_life.assignment()
        assert assignment.ref.attempt == 2
        finish(second_life, assignment.ref, SUCCEEDED)
        events = await events_of(door, job.id)
        assert "WORKER_LOST" in {e.task_state.failure.reason for e in events}
        await second_life.vanish()


async def test_renewed_lease_is_kept(door: OrchestratorDoor) -> None:
    worker = ScriptedWorker(door.dispatch).attach()
    await create(door)
    ref = (await worker.assignment()).ref
    # Twice the lease, in steps of the renewal.
    for _ in range(8):
        worker.send(renewal=pb.LeaseRenewal(attempts=[ref]))
        renewed = (await worker.receive("leases_renewed")).leases_renewed
        assert not renewed.lost
        await asyncio.sleep(0.5)
    assert not worker.has_received("assignment")
    await worker.vanish()


async def test_stale_attempt_is_refused_in_every_report(door: OrchestratorDoor) -> None:
    stale = ScriptedWorker(door.dispatch, "stale").attach(slots=1)
    job = await create(door)
    ref = (await stale.assignment()).ref
    current = ScriptedWorker(door.dispatch, "current").attach()
    assignment = await current.assignment()  # the lease of the first ran out
    stale.report(ref, 1, "from the dead")
    assert (await stale.receive("stop")).stop.reason == pb.StopAttempt.REASON_LEASE_LOST
    finish(stale, ref, SUCCEEDED)
    assert not (await stale.receive("finish_recorded")).finish_recorded.is_accepted
    stale.send(renewal=pb.LeaseRenewal(attempts=[ref]))
    assert list((await stale.receive("leases_renewed")).leases_renewed.lost) == [ref]
    finish(current, assignment.ref, SUCCEEDED)
    assert not [e for e in await events_of(door, job.id) if e.HasField("log")]
    await stale.vanish()
    await current.vanish()


async def test_failed_task_runs_again_until_its_attempts_are_used_up(
    door: OrchestratorDoor,
) -> None:
    worker = ScriptedWorker(door.dispatch).attach()
    retry = job_pb2.RetryPolicy(max_attempts=2)
    retry.initial_backoff.FromMilliseconds(10)
    job = await create(door, retry=retry)
    for attempt in (1, 2):
        ref = (await worker.assignment()).ref
        assert ref.attempt == attempt
        finish(worker, ref, FAILED, "USER_CODE")
    await events_of(door, job.id)
    done = await job_of(door, job.id)
    assert (done.state, done.failure.reason) == (job_pb2.JOB_STATE_FAILED, "USER_CODE")
    await worker.vanish()


async def test_cancel_stops_a_running_task_and_ends_the_job(door: OrchestratorDoor) -> None:
    worker = ScriptedWorker(door.dispatch).attach()
    job = await create(door)
    ref = (await worker.assignment()).ref
    await door.jobs.CancelJob(jobs_pb.CancelJobRequest(job_id=job.id))
    stop = (await worker.receive("stop")).stop
    assert (stop.ref, stop.reason) == (ref, pb.StopAttempt.REASON_CANCELLED)
    finish(worker, ref, task_pb2.ATTEMPT_OUTCOME_CANCELLED, "CANCELLED")
    events = await events_of(door, job.id)
    assert events[-1].job_state.state == job_pb2.JOB_STATE_CANCELLED
    await worker.vanish()


async def test_cancelled_job_that_waits_ends_at_once_and_never_runs(
    door: OrchestratorDoor,
) -> None:
    job = await create(door)
    cancelled = (await door.jobs.CancelJob(jobs_pb.CancelJobRequest(job_id=job.id))).job
    assert cancelled.state == job_pb2.JOB_STATE_CANCELLED
    next_job = await create(door)
    worker = ScriptedWorker(door.dispatch).attach()
    assert (await worker.assignment()).job_id == next_job.id
    await worker.vanish()


async def test_emptied_redis_loses_no_waiting_and_no_running_task(
    door: OrchestratorDoor, redis_url: str
) -> None:
    worker = ScriptedWorker(door.dispatch).attach(slots=1)
    running = await create(door)
    ref = (await worker.assignment()).ref
    waiting = await create(door)
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
        await eventually(lambda: bool(redis.zcard("job:leases")))
    finish(worker, ref, SUCCEEDED)
    worker.send(credit=pb.Credit(slots=1))
    assignment = await worker.assignment()
    assert assignment.job_id == waiting.id
    finish(worker, assignment.ref, SUCCEEDED)
    for job in (running, waiting):
        await events_of(door, job.id)
        assert (await job_of(door, job.id)).state == job_pb2.JOB_STATE_SUCCEEDED
    await worker.vanish()


async def test_two_orchestrators_share_the_work(
    mongo_url: str, mongo_database: str, redis_url: str
) -> None:
    async with (
        orchestrator_running(mongo_url, mongo_database, redis_url) as one,
        orchestrator_running(mongo_url, mongo_database, redis_url) as two,
    ):
        worker = ScriptedWorker(one.dispatch).attach()
        job = await create(two)
        ref = (await worker.assignment()).ref
        await two.jobs.CancelJob(jobs_pb.CancelJobRequest(job_id=job.id))
        await worker.receive("stop")
        finish(worker, ref, task_pb2.ATTEMPT_OUTCOME_CANCELLED)
        events = await events_of(two, job.id)
        assert events[-1].job_state.state == job_pb2.JOB_STATE_CANCELLED
        await worker.vanish()


async def test_orchestrator_that_restarts_finds_its_jobs_and_workers(
    mongo_url: str, mongo_database: str, redis_url: str
) -> None:
    async with orchestrator_running(mongo_url, mongo_database, redis_url) as first:
        worker = ScriptedWorker(first.dispatch).attach()
        job = await create(first)
        ref = (await worker.assignment()).ref
        await worker.vanish()
    async with orchestrator_running(mongo_url, mongo_database, redis_url) as second:
        worker = ScriptedWorker(second.dispatch).attach(running=[ref])
        assert not (await worker.receive("registered")).registered.lost
        finish(worker, ref, SUCCEEDED)
        events = await events_of(second, job.id)
        assert events[-1].job_state.state == job_pb2.JOB_STATE_SUCCEEDED
        await worker.vanish()


async def test_same_request_id_gives_the_same_job(door: OrchestratorDoor) -> None:
    request = command_job()
    request.request_id = "once"
    first = (await door.jobs.CreateJob(request)).job
    second = (await door.jobs.CreateJob(request)).job
    assert first == second
    request.spec.name = "other"
    with pytest.raises(errors.IdempotencyConflict):
        await door.jobs.CreateJob(request)


async def test_pages_list_every_job_once_newest_first(door: OrchestratorDoor) -> None:
    created = [(await create(door)).id for _ in range(5)]
    listed: list[str] = []
    token = ""
    while True:
        page = await door.jobs.ListJobs(jobs_pb.ListJobsRequest(page_size=2, page_token=token))
        listed += [job.id for job in page.jobs]
        token = page.next_page_token
        if not token:
            break
    assert listed == created[::-1]
    with pytest.raises(errors.InvalidPageToken):
        await door.jobs.ListJobs(jobs_pb.ListJobsRequest(page_token="bm9uc2Vuc2U"))


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"kind": "nonsense"}, errors.UnknownKind, "kind"),
        ({"spec_json": "{"}, errors.InvalidJob, "spec"),
        ({"spec_json": '{"command": "true", "extra": 1}'}, errors.InvalidJob, "spec"),
        ({"spec_json": '{"command": 5}'}, errors.InvalidJob, "spec.command"),
        ({"kind": "train", "spec_json": "{}"}, errors.InvalidJob, "spec"),
        ({"kind": "train", "spec_json": '{"entrypoint": "t.py"}'}, errors.InvalidJob, "code"),
        ({"retry": job_pb2.RetryPolicy(max_attempts=-1)}, errors.InvalidJob, "max_attempts"),
        ({"name": "x" * 257}, errors.InvalidJob, "name"),
    ],
)
async def test_wrong_job_is_refused_with_its_field(
    door: OrchestratorDoor,
    changes: dict[str, object],
    error: type[errors.InvalidInput],
    field: str,
) -> None:
    with pytest.raises(error) as raised:
        await create(door, **changes)
    assert [f.field for f in raised.value.fields] == [field]


async def test_unknown_job_is_not_found(door: OrchestratorDoor) -> None:
    for call in (
        door.jobs.GetJob(jobs_pb.GetJobRequest(job_id="job-none")),
        door.jobs.CancelJob(jobs_pb.CancelJobRequest(job_id="job-none")),
        door.jobs.ListTasks(jobs_pb.ListTasksRequest(job_id="job-none")),
    ):
        with pytest.raises(errors.JobNotFound):
            await call
    with pytest.raises(errors.JobNotFound), rpc_errors_translated():
        await door.jobs.WatchEvents(jobs_pb.WatchEventsRequest(job_id="job-none")).read()


async def test_worker_of_another_major_version_is_refused(door: OrchestratorDoor) -> None:
    worker = ScriptedWorker(door.dispatch).attach(version="99.0")
    with pytest.raises(errors.VersionMismatch), rpc_errors_translated():
        await worker.ended()


async def test_worker_is_listed_online_and_goes_offline(door: OrchestratorDoor) -> None:
    worker = ScriptedWorker(door.dispatch, "w9").attach()
    await worker.receive("registered")

    async def state() -> worker_pb2.WorkerState.ValueType:
        answer = await door.workers.GetWorker(worker_service_pb2.GetWorkerRequest(worker_id="w9"))
        return answer.worker.state

    assert await state() == worker_pb2.WORKER_STATE_ONLINE
    await worker.vanish()

    async def is_offline() -> bool:
        return await state() == worker_pb2.WORKER_STATE_OFFLINE

    await eventually(is_offline)
    with pytest.raises(errors.WorkerNotFound):
        await door.workers.GetWorker(worker_service_pb2.GetWorkerRequest(worker_id="w10"))


async def test_request_without_the_service_token_is_refused(door: OrchestratorDoor) -> None:
    from tensorfleet.orchestrator.v1.job_service_pb2_grpc import JobServiceStub
    from tensorfleet.shared.grpc_client import open_channel

    async with open_channel(door.address, "wrong") as channel:
        with pytest.raises(errors.Unauthenticated):
            await JobServiceStub(channel).ListJobs(jobs_pb.ListJobsRequest())
