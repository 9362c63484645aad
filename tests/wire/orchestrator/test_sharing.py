"""Who goes first when there is not room for all, over the wire."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import job_pb2, task_pb2
from tensorfleet.orchestrator.v1.job_service_pb2 import PauseJobRequest
from tests.deadlines import eventually
from tests.wire.orchestrator.conftest import Running
from tests.wire.orchestrator.job_calls import (
    blockers,
    create,
    ended,
    on_behalf_of,
    tasks_of,
)
from tests.wire.orchestrator.running_orchestrator import OrchestratorDoor
from tests.wire.orchestrator.scripted_worker import ScriptedWorker

HIGH, LOW = job_pb2.PRIORITY_HIGH, job_pb2.PRIORITY_LOW


async def test_urgent_job_takes_the_place_of_a_preemptible_one_which_runs_again(
    patient: OrchestratorDoor,
) -> None:
    worker = ScriptedWorker(patient.dispatch, cpus=1).attach(slots=4)
    victim = await create(patient, priority=LOW, preemptible=True)
    first = await worker.assignment()
    urgent = await create(patient, priority=HIGH)
    stop = (await worker.receive("stop")).stop
    assert (stop.ref, stop.reason) == (first.ref, pb.StopAttempt.REASON_PREEMPTED)
    assert stop.grace.ToTimedelta().total_seconds() > 1
    worker.finish(first.ref, task_pb2.ATTEMPT_OUTCOME_PREEMPTED)
    given = await worker.assignment()
    assert given.job_id == urgent.id
    worker.finish(given.ref)
    again = await worker.assignment()
    assert (again.ref.task_id, again.ref.attempt) == (first.ref.task_id, 2)
    worker.finish(again.ref)
    done = await ended(patient, victim.id)
    assert done.state == job_pb2.JOB_STATE_SUCCEEDED
    (task,) = await tasks_of(patient, victim.id)
    assert task.attempts[0].outcome == task_pb2.ATTEMPT_OUTCOME_PREEMPTED
    await worker.vanish()


async def test_exclusive_task_is_alone_on_its_worker(patient: OrchestratorDoor) -> None:
    worker = ScriptedWorker(patient.dispatch, cpus=4).attach(slots=4)
    small = await worker_gets(worker, await create(patient))
    alone = await create(patient, exclusive=True)
    await eventually(lambda: is_told(patient, alone, "RESOURCES", "are busy"))
    worker.finish(small)
    ref = await worker_gets(worker, alone)
    later = await create(patient)
    await eventually(lambda: is_told(patient, later, "RESOURCES"))
    assert not worker.has_received("assignment")
    worker.finish(ref)
    await worker_gets(worker, later)
    await worker.vanish()


async def is_told(door: OrchestratorDoor, job: job_pb2.Job, reason: str, words: str = "") -> bool:
    """Whether this is among what stands in a job's way."""
    told = await blockers(door, job.id)
    return reason in told and words in told[reason]


async def worker_gets(worker: ScriptedWorker, job: job_pb2.Job) -> pb.AttemptRef:
    """Waits for the next assignment, which must be of this job."""
    given = await worker.assignment()
    assert given.job_id == job.id
    return given.ref


async def test_user_with_many_tasks_does_not_delay_anothers_first(
    patient: OrchestratorDoor,
) -> None:
    worker = ScriptedWorker(patient.dispatch, cpus=2).attach(slots=10)
    with on_behalf_of("ann"):
        await create(patient, tasks=1_000)
    given = await worker.assignments(2)
    with on_behalf_of("bob"):
        job = await create(patient)
    worker.finish(given[0].ref)
    await worker_gets(worker, job)
    await worker.vanish()


async def test_waiting_is_worth_priority(running: Running) -> None:
    async with running(ageing_minutes=0.5 / 60) as door:
        patient_job = await create(door, priority=LOW)
        began = time.monotonic()
        # Waiting is what this is about: two classes, and one more.
        await eventually(lambda: time.monotonic() - began > 2)
        hasty = await create(door, priority=HIGH)
        worker = ScriptedWorker(door.dispatch).attach()
        order = [given.job_id for given in await worker.assignments(2)]
        assert order == [patient_job.id, hasty.id]
        await worker.vanish()


@pytest.fixture
async def strict(running: Running) -> AsyncIterator[OrchestratorDoor]:
    """A replica where each user may hold one core."""
    async with running(user_quota_cpus=1.0) as door:
        yield door


async def test_user_holds_no_more_than_the_quota(strict: OrchestratorDoor) -> None:
    worker = ScriptedWorker(strict.dispatch, cpus=4).attach(slots=4)
    with on_behalf_of("ann"):
        first = await worker_gets(worker, await create(strict))
        second = await create(strict, priority=HIGH)
        assert "user ann" in (await blockers(strict, second.id))["QUOTA"]
    with on_behalf_of("bob"):
        await worker_gets(worker, await create(strict))
    assert not worker.has_received("assignment")
    worker.finish(first)
    await worker_gets(worker, second)
    await worker.vanish()


def in_an_hour() -> Timestamp:
    moment = Timestamp()
    moment.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
    return moment


async def test_job_explains_everything_that_stands_in_its_way(patient: OrchestratorDoor) -> None:
    job = await create(patient)
    assert "no worker is online" in (await blockers(patient, job.id))["RESOURCES"]
    worker = ScriptedWorker(patient.dispatch, cpus=1).attach(slots=1)
    ref = await worker_gets(worker, job)
    second, third = await create(patient), await create(patient)
    await eventually(lambda: is_told(patient, second, "RESOURCES", "0 CPUs"))
    assert await blockers(patient, job.id) == {}
    why = await blockers(patient, third.id)
    assert why["BEHIND_OTHERS"].startswith("1 task is served before it")
    delayed = await create(patient, not_before_time=in_an_hour())
    assert "may start from" in (await blockers(patient, delayed.id))["DELAYED"]
    await patient.jobs.PauseJob(PauseJobRequest(job_id=third.id))
    assert "resume" in (await blockers(patient, third.id))["PAUSED"]
    gang = await create(patient, tasks=2, gang=True, cpus=0.6)
    assert "GANG" in await blockers(patient, gang.id)
    after = await create(patient, after_job_ids=[second.id])
    assert second.id in (await blockers(patient, after.id))["DEPENDENCY"]
    worker.finish(ref)
    await worker.vanish()
