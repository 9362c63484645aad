"""Tasks of a gang meet over the wire, whichever replica their workers ask."""

import asyncio
import json

import pytest

from tensorfleet.orchestrator.v1 import definition_service_pb2 as definitions_pb
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import job_pb2, task_pb2
from tensorfleet.orchestrator.v1 import job_service_pb2 as jobs_pb
from tensorfleet.shared import errors
from tests.wire.orchestrator.conftest import Running
from tests.wire.orchestrator.job_calls import create
from tests.wire.orchestrator.running_orchestrator import OrchestratorDoor
from tests.wire.orchestrator.scripted_worker import ScriptedWorker


async def meet(
    door: OrchestratorDoor, worker: ScriptedWorker, ref: pb.AttemptRef, address: str
) -> pb.MeetPeersResponse:
    request = pb.MeetPeersRequest(ref=ref, worker_id=worker.name, address=address)
    return await door.dispatch.MeetPeers(request)


def index_of(ref: pb.AttemptRef) -> int:
    return int(ref.task_id.rpartition("-")[2])


async def test_two_tasks_meet_through_two_replicas(running: Running) -> None:
    async with running() as one, running() as two:
        first = ScriptedWorker(one.dispatch, "first", cpus=1).attach()
        second = ScriptedWorker(two.dispatch, "second", cpus=1).attach()
        await create(one, tasks=2, gang=True, cpus=1)
        mine, other = (await first.assignment()).ref, (await second.assignment()).ref
        for _ in range(2):  # asked again, nothing changes
            waiting = await meet(one, first, mine, "first:1")
            assert not waiting.peers
            assert list(waiting.missing_indexes) == [index_of(other)]
        answers = [
            await meet(two, second, other, "second:2"),
            await meet(one, first, mine, "first:1"),
        ]
        expected = ["first:1", "second:2"]
        if index_of(mine) == 1:
            expected.reverse()
        for answer in answers:
            assert [(p.index, p.attempt) for p in answer.peers] == [(0, 1), (1, 1)]
            assert [p.address for p in answer.peers] == expected
            assert not answer.missing_indexes
        first.finish(mine)
        await first.receive("finish_recorded")
        slow = await meet(two, second, other, "second:2")
        assert [p.address for p in slow.peers] == expected, "who was quick stays told"
        await first.vanish()
        await second.vanish()


async def test_gang_that_starts_again_meets_at_its_new_addresses_alone(
    patient: OrchestratorDoor,
) -> None:
    worker = ScriptedWorker(patient.dispatch, cpus=2).attach(slots=4)
    await create(patient, tasks=2, gang=True, cpus=1)
    old = [each.ref for each in await worker.assignments(2)]
    for number, ref in enumerate(old):
        await meet(patient, worker, ref, f"old:{number}")
    for ref in old:
        worker.finish(ref, task_pb2.ATTEMPT_OUTCOME_LOST)
    new = [each.ref for each in await worker.assignments(2)]
    assert {ref.attempt for ref in new} == {2}
    with pytest.raises(errors.LeaseLost):
        await meet(patient, worker, old[0], "old:0")
    waiting = await meet(patient, worker, new[0], "new:0")
    assert list(waiting.missing_indexes) == [index_of(new[1])]
    met = await meet(patient, worker, new[1], "new:1")
    assert {p.address for p in met.peers} == {"new:0", "new:1"}
    await worker.vanish()


async def test_tasks_that_need_not_run_together_cannot_meet(patient: OrchestratorDoor) -> None:
    worker = ScriptedWorker(patient.dispatch).attach()
    await create(patient, tasks=2)
    given = await worker.assignment()
    with pytest.raises(errors.NotAGang, match="gang: true"):
        await meet(patient, worker, given.ref, "here:1")
    await worker.vanish()


async def test_single_task_meets_itself(patient: OrchestratorDoor) -> None:
    worker = ScriptedWorker(patient.dispatch, cpus=1).attach()
    await create(patient, gang=True, cpus=1)
    given = await worker.assignment()
    assert [p.address for p in (await meet(patient, worker, given.ref, "here:1")).peers] == [
        "here:1"
    ]
    with pytest.raises(errors.AddressGiven):
        await meet(patient, worker, given.ref, "there:1")
    with pytest.raises(errors.InvalidInput):
        await meet(patient, worker, given.ref, "x" * 1025)
    with pytest.raises(errors.JobNotFound):
        await meet(patient, worker, pb.AttemptRef(task_id="none-0", attempt=1), "here:1")
    await worker.vanish()


async def test_large_gang_that_asks_all_at_once_meets(patient: OrchestratorDoor) -> None:
    count = 30
    worker = ScriptedWorker(patient.dispatch, cpus=count).attach(slots=count)
    await create(patient, tasks=count, gang=True, cpus=1)
    refs = [each.ref for each in await worker.assignments(count)]
    for _ in range(2):
        answers = await asyncio.gather(
            *(meet(patient, worker, ref, f"at:{index_of(ref)}") for ref in refs)
        )
    for answer in answers:
        assert [p.address for p in answer.peers] == [f"at:{index}" for index in range(count)]
    await worker.vanish()


async def test_kind_whose_tasks_meet_makes_a_gang_of_several(patient: OrchestratorDoor) -> None:
    async def walk(*routes: str, together: bool, request_id: str = "") -> job_pb2.Job:
        spec = json.dumps({"routes": routes, "together": together})
        request = jobs_pb.CreateJobRequest(
            spec=job_pb2.JobSpec(kind="walk", spec_json=spec), request_id=request_id
        )
        return (await patient.jobs.CreateJob(request)).job

    gang = await walk("line", "circle", together=True, request_id="r")
    assert gang.spec.gang, "its user sees what became of it"
    assert (await walk("line", "circle", together=True, request_id="r")).id == gang.id
    assert not (await walk("line", together=True)).spec.gang, "one alone needs no gang"
    assert not (await walk("line", "circle", together=False)).spec.gang
    route = json.dumps({"name": "lake", "steps": ["wood", "shore"]})
    await patient.definitions.CreateDefinition(
        definitions_pb.CreateDefinitionRequest(kind="walk", name="lake", document_json=route)
    )
    named = await walk("lake", "line", together=True, request_id="s")
    assert (await walk("lake", "line", together=True, request_id="s")).id == named.id
    with pytest.raises(errors.InvalidJob, match="a gang may have 1000"):
        await walk(*["line"] * 1001, together=True)
