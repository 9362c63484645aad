"""Gangs over the wire: they start whole or not at all, on one replica's workers or on two's."""

import asyncio

import pytest

from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import job_pb2, task_pb2
from tests.deadlines import eventually
from tests.wire.orchestrator.conftest import Running
from tests.wire.orchestrator.job_calls import blockers, create, ended, tasks_of
from tests.wire.orchestrator.running_orchestrator import OrchestratorDoor
from tests.wire.orchestrator.scripted_worker import Given, ScriptedWorker


async def whole(job: job_pb2.Job, *workers: tuple[ScriptedWorker, int]) -> list[Given]:
    """The gang's tasks, so many on each of the workers."""
    given = [each for worker, count in workers for each in await worker.assignments(count)]
    assert {each.job_id for each in given} == {job.id}
    assert len({each.ref.task_id for each in given}) == len(given)
    return given


async def waits_as_gang(door: OrchestratorDoor, gang: job_pb2.Job) -> bool:
    return "GANG" in await blockers(door, gang.id)


async def test_gang_waits_for_the_second_worker_and_starts_on_both(
    patient: OrchestratorDoor,
) -> None:
    first = ScriptedWorker(patient.dispatch, "first", cpus=2).attach(slots=4)
    gang = await create(patient, tasks=3, gang=True, cpus=1)
    small = await create(patient, cpus=1)
    given = await first.assignment()
    assert given.job_id == small.id, "what fits goes on meanwhile"
    first.finish(given.ref)
    await ended(patient, small.id)
    await eventually(lambda: waits_as_gang(patient, gang))
    assert not first.has_received("assignment")
    second = ScriptedWorker(patient.dispatch, "second", cpus=1).attach()
    refs = [each.ref for each in await whole(gang, (first, 2), (second, 1))]
    for worker, ref in zip((first, first, second), refs, strict=True):
        worker.finish(ref)
    assert (await ended(patient, gang.id)).state == job_pb2.JOB_STATE_SUCCEEDED
    await first.vanish()
    await second.vanish()


async def test_gang_starts_whole_on_workers_of_two_replicas(running: Running) -> None:
    async with running() as one, running() as two:
        first = ScriptedWorker(one.dispatch, "first", cpus=2).attach()
        second = ScriptedWorker(two.dispatch, "second", cpus=2).attach()
        for _ in range(3):
            gang = await create(one, tasks=4, gang=True, cpus=1)
            given = await whole(gang, (first, 2), (second, 2))
            for worker, each in zip((first, first, second, second), given, strict=True):
                worker.finish(each.ref)
                worker.send(credit=pb.Credit(slots=1))
            assert (await ended(two, gang.id)).state == job_pb2.JOB_STATE_SUCCEEDED
        await first.vanish()
        await second.vanish()


async def test_gang_is_not_half_started_when_a_worker_leaves(running: Running) -> None:
    async with running() as one, running() as two:
        first = ScriptedWorker(one.dispatch, "first", cpus=2).attach()
        busy = await create(one, cpus=2)
        blocking = await first.assignment()
        second = ScriptedWorker(two.dispatch, "second", cpus=2).attach()
        await second.receive("registered")
        gang = await create(one, tasks=4, gang=True, cpus=1)

        await eventually(lambda: waits_as_gang(one, gang))
        await second.vanish()
        first.finish(blocking.ref)
        await ended(one, busy.id)
        first.send(credit=pb.Credit(slots=1))
        await eventually(lambda: waits_as_gang(one, gang))
        assert not first.has_received("assignment")
        third = ScriptedWorker(two.dispatch, "third", cpus=2).attach()
        given = await whole(gang, (first, 2), (third, 2))
        assert {each.ref.attempt for each in given} == {1}
        await first.vanish()
        await third.vanish()


async def test_gang_is_not_starved_by_small_tasks(patient: OrchestratorDoor) -> None:
    worker = ScriptedWorker(patient.dispatch, cpus=2).attach(slots=100)
    small = await create(patient, tasks=60, cpus=1)
    gang = await create(patient, tasks=2, gang=True, cpus=1)
    small_count = 0
    given = await worker.assignment()
    while given.job_id == small.id:
        small_count += 1
        assert small_count < 60, "every small task went first"
        # One ends at a time: there is never room for both of the gang by chance.
        await asyncio.sleep(0.05)
        worker.finish(given.ref)
        given = await worker.assignment()
    both = [given, *await whole(gang, (worker, 1))]
    for each in both:
        worker.finish(each.ref)
    assert (await ended(patient, gang.id)).state == job_pb2.JOB_STATE_SUCCEEDED
    assert (await worker.assignment()).job_id == small.id
    await worker.vanish()


async def test_gang_that_loses_a_worker_starts_again_whole(running: Running) -> None:
    async with running(lease_seconds=2, renew_interval_seconds=0.5) as door:
        first = ScriptedWorker(door.dispatch, "first", cpus=1).attach().renews()
        second = ScriptedWorker(door.dispatch, "second", cpus=1).attach().renews()
        gang = await create(door, tasks=2, gang=True, cpus=1)
        await whole(gang, (first, 1), (second, 1))
        await second.vanish()
        stop = (await first.receive("stop")).stop
        assert stop.reason == pb.StopAttempt.REASON_PREEMPTED
        assert not first.has_received("assignment")
        first.finish(stop.ref, task_pb2.ATTEMPT_OUTCOME_PREEMPTED)
        first.send(credit=pb.Credit(slots=1))
        third = ScriptedWorker(door.dispatch, "third", cpus=1).attach().renews()
        again = await whole(gang, (first, 1), (third, 1))
        assert {each.ref.attempt for each in again} == {2}
        for worker, each in zip((first, third), again, strict=True):
            worker.finish(each.ref)
        assert (await ended(door, gang.id)).state == job_pb2.JOB_STATE_SUCCEEDED
        outcomes = {t.attempts[0].outcome for t in await tasks_of(door, gang.id)}
        assert outcomes == {
            task_pb2.ATTEMPT_OUTCOME_LOST,
            task_pb2.ATTEMPT_OUTCOME_PREEMPTED,
        }
        await first.vanish()
        await third.vanish()


async def test_gang_one_of_whose_tasks_fails_for_good_stops_as_a_whole(
    patient: OrchestratorDoor,
) -> None:
    worker = ScriptedWorker(patient.dispatch).attach()
    gang = await create(patient, tasks=2, gang=True, cpus=1)
    one, other = await whole(gang, (worker, 2))
    worker.finish(one.ref, task_pb2.ATTEMPT_OUTCOME_FAILED, "USER_CODE")
    stop = (await worker.receive("stop")).stop
    assert stop.ref == other.ref
    worker.finish(other.ref, task_pb2.ATTEMPT_OUTCOME_CANCELLED)
    done = await ended(patient, gang.id)
    assert (done.state, done.failure.reason) == (job_pb2.JOB_STATE_FAILED, "USER_CODE")
    await worker.vanish()


@pytest.mark.parametrize("rounds", [5])
async def test_two_gangs_that_want_the_same_workers_take_turns(
    running: Running, rounds: int
) -> None:
    async with running() as one, running() as two:
        workers = {
            "first": ScriptedWorker(one.dispatch, "first", cpus=1).attach(),
            "second": ScriptedWorker(two.dispatch, "second", cpus=1).attach(),
        }
        gangs = [
            await create(door, tasks=2, gang=True, cpus=1)
            for _ in range(rounds)
            for door in (one, two)
        ]
        seen = []
        for _ in gangs:
            async with asyncio.timeout(15):
                given = {name: await worker.assignment() for name, worker in workers.items()}
            assert len({each.job_id for each in given.values()}) == 1, "never two halves"
            seen.append(given["first"].job_id)
            for name, each in given.items():
                workers[name].finish(each.ref)
                workers[name].send(credit=pb.Credit(slots=1))
        assert sorted(seen) == sorted(gang.id for gang in gangs)
        for worker in workers.values():
            await worker.vanish()
