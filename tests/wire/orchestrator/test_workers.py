"""Workers over the wire: drained, quarantined, of one name, deaf, too small."""

import pytest

from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import job_pb2, task_pb2, worker_pb2
from tensorfleet.orchestrator.v1.worker_service_pb2 import (
    DrainWorkerRequest,
    ResumeWorkerRequest,
)
from tensorfleet.shared import errors
from tensorfleet.shared.grpc_errors import rpc_errors_translated
from tests.deadlines import eventually
from tests.wire.orchestrator.conftest import Running
from tests.wire.orchestrator.job_calls import create, ended, worker_of
from tests.wire.orchestrator.running_orchestrator import OrchestratorDoor
from tests.wire.orchestrator.scripted_worker import ScriptedWorker
from tests.wire.orchestrator.test_sharing import worker_gets


async def test_drained_worker_gets_nothing_new_until_it_is_resumed(
    patient: OrchestratorDoor,
) -> None:
    drained = ScriptedWorker(patient.dispatch, "drained", cpus=1).attach()
    running = await worker_gets(drained, await create(patient))
    drained.send(renewal=pb.LeaseRenewal(attempts=[running]))
    await drained.receive("leases_renewed")
    answer = await patient.workers.DrainWorker(DrainWorkerRequest(worker_id="drained"))
    assert answer.worker.state == worker_pb2.WORKER_STATE_DRAINING
    drained.finish(running)
    await drained.receive("finish_recorded")
    second = await create(patient)
    other = ScriptedWorker(patient.dispatch, "other", cpus=1).attach(slots=1)
    await worker_gets(other, second)
    assert not drained.has_received("assignment")
    await patient.workers.ResumeWorker(ResumeWorkerRequest(worker_id="drained"))
    await worker_gets(drained, await create(patient))
    await drained.vanish()
    await other.vanish()


async def test_worker_that_keeps_failing_tasks_by_its_own_fault_is_quarantined(
    patient: OrchestratorDoor,
) -> None:
    broken = ScriptedWorker(patient.dispatch, "broken", cpus=4).attach(slots=1)
    small = ScriptedWorker(patient.dispatch, "small", cpus=0.5).attach()
    for worker in (broken, small):
        await worker.receive("registered")
    retry = job_pb2.RetryPolicy(max_attempts=1)
    retry.initial_backoff.FromMilliseconds(1)
    jobs = [await create(patient, retry=retry) for _ in range(3)]
    for number in range(5):
        if number:
            broken.send(credit=pb.Credit(slots=1))
        reason = "STAGING_UNAVAILABLE" if number % 2 else "INTERNAL"
        given = await broken.assignment()
        broken.finish(given.ref, task_pb2.ATTEMPT_OUTCOME_FAILED, reason)

    async def is_quarantined() -> bool:
        broken.send(renewal=pb.LeaseRenewal())
        state = (await worker_of(patient, "broken")).state
        return state == worker_pb2.WORKER_STATE_QUARANTINED

    await eventually(is_quarantined)
    broken.send(credit=pb.Credit(slots=1))
    healthy = ScriptedWorker(patient.dispatch, "healthy", cpus=4).attach(slots=8)
    waiting = {job.id for job in jobs}
    while waiting:
        given = await healthy.assignment()
        waiting.discard(given.job_id)
        healthy.finish(given.ref)
    for job in jobs:
        assert (await ended(patient, job.id)).state == job_pb2.JOB_STATE_SUCCEEDED
    await healthy.vanish()
    assert not broken.has_received("assignment")
    await patient.workers.ResumeWorker(ResumeWorkerRequest(worker_id="broken"))
    await create(patient)
    await broken.assignment()
    await broken.vanish()
    await small.vanish()


async def test_second_agent_of_one_name_is_refused_until_the_first_has_gone(
    patient: OrchestratorDoor,
) -> None:
    first = ScriptedWorker(patient.dispatch, "twin", instance="a").attach(slots=1)
    await first.receive("registered")
    second = ScriptedWorker(patient.dispatch, "twin", instance="b").attach()
    with pytest.raises(errors.WorkerNameTaken, match="twin"), rpc_errors_translated():
        await second.ended()
    await worker_gets(first, await create(patient))
    await first.vanish()

    async def is_free() -> bool:
        third = ScriptedWorker(patient.dispatch, "twin", instance="b").attach()
        try:
            await third.receive_or_end("registered")
        except errors.WorkerNameTaken:
            return False
        else:
            return True
        finally:
            await third.vanish()

    await eventually(is_free)


async def test_deaf_workers_session_ends_and_its_task_goes_elsewhere(running: Running) -> None:
    async with running(lease_seconds=2, renew_interval_seconds=0.5) as door:
        deaf = ScriptedWorker(door.dispatch, "deaf").attach(slots=1)
        job = await create(door)
        ref = await worker_gets(deaf, job)
        for number in range(1, 6):
            deaf.send(renewal=pb.LeaseRenewal(attempts=[ref], number=number, answered_number=0))
        await deaf.ended()
        other = ScriptedWorker(door.dispatch, "other").attach()
        assert (await other.assignment()).ref.attempt == 2
        await other.vanish()


async def test_worker_that_answers_is_not_deaf(patient: OrchestratorDoor) -> None:
    worker = ScriptedWorker(patient.dispatch).attach()
    for number in range(1, 10):
        worker.send(renewal=pb.LeaseRenewal(number=number, answered_number=number - 1))
        assert (await worker.receive("leases_renewed")).leases_renewed.number == number
    await worker.vanish()


@pytest.mark.parametrize("version", ["", "99.0", "nonsense"])
async def test_worker_of_another_version_is_refused(
    patient: OrchestratorDoor, version: str
) -> None:
    worker = ScriptedWorker(patient.dispatch).attach(version=version)
    with pytest.raises(errors.VersionMismatch), rpc_errors_translated():
        await worker.ended()
    with pytest.raises(errors.WorkerNotFound):
        await worker_of(patient, "w1")


async def test_job_that_no_worker_could_ever_run_is_refused_with_what_the_fleet_has(
    patient: OrchestratorDoor,
) -> None:
    await create(patient, cpus=64)  # no worker is known yet: one may come
    worker = ScriptedWorker(patient.dispatch, "mine", cpus=4).attach()
    await worker.receive("registered")

    refusals: list[errors.InvalidJob] = []

    async def is_refused() -> bool:
        try:
            await create(patient, cpus=64)
        except errors.InvalidJob as exc:
            refusals.append(exc)
        return bool(refusals)

    await eventually(is_refused)
    assert [field.field for field in refusals[0].fields] == ["resources"]
    assert "64 CPUs" in str(refusals[0])
    assert "mine, has 4 CPUs" in str(refusals[0])
    large = ScriptedWorker(patient.dispatch, "large", cpus=128).attach(slots=1)
    await large.receive("registered")
    await create(patient, cpus=64)
    await worker.vanish()
    await large.vanish()
