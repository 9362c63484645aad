"""Changing and explaining jobs, and looking after workers, through the client."""

import asyncio
from asyncio import to_thread

import pytest

from tensorfleet.orchestrator.v1 import job_pb2, job_service_pb2, worker_pb2
from tensorfleet.shared.errors import InvalidInput, JobEnded, JobNotEnded, WorkerNotFound
from tensorfleet.shared.rest.events import Event
from tests.deadlines import eventually
from tests.wire.gateway.test_workers import sample
from tests.wire.sdk.conftest import Fleet

BODY = {"kind": "command", "labels": {"a": "x", "b": "x"}, "spec": {"command": "true"}}


async def submit(fleet: Fleet) -> str:
    return (await to_thread(fleet.client.submit, BODY)).id


async def test_pause_resume_and_retry(fleet: Fleet) -> None:
    job_id = await submit(fleet)
    assert (await to_thread(fleet.client.pause, job_id)).state == "paused"
    assert (await to_thread(fleet.client.resume, job_id)).state == "pending"
    with pytest.raises(JobNotEnded):
        await to_thread(fleet.client.retry, job_id)
    await fleet.gateway.orchestrator.end(job_id, job_pb2.JOB_STATE_FAILED)
    with pytest.raises(JobEnded):
        await to_thread(fleet.client.pause, job_id)
    assert (await to_thread(fleet.client.retry, job_id)).state == "pending"


async def test_update_changes_what_is_given(fleet: Fleet) -> None:
    job_id = await submit(fleet)
    changed = await to_thread(
        fleet.client.update, job_id, priority="high", labels={"a": None, "c": "y"}
    )
    assert (changed.priority, changed.name) == ("high", "command")
    assert changed.labels == {"b": "x", "c": "y"}
    assert (await to_thread(fleet.client.update, job_id, name="other")).labels == changed.labels
    with pytest.raises(InvalidInput) as caught:
        await to_thread(fleet.client.update, job_id, name="a\nb")
    assert [problem.field for problem in caught.value.fields] == ["name"]


async def test_explanation_is_typed(fleet: Fleet) -> None:
    job_id = await submit(fleet)
    blocker = job_service_pb2.ExplainJobResponse.Blocker(reason="PAUSED", message="resume it")
    fleet.gateway.orchestrator.explanations[job_id] = job_service_pb2.ExplainJobResponse(
        queue_position=3, blockers=[blocker]
    )
    explanation = await to_thread(fleet.client.explain, job_id)
    assert (explanation.job_id, explanation.queue_position) == (job_id, 3)
    assert [(b.reason, b.message) for b in explanation.blockers] == [("PAUSED", "resume it")]
    assert explanation.estimated_start_time is None


async def test_what_a_workers_machine_did_is_read(fleet: Fleet) -> None:
    orchestrator = fleet.gateway.orchestrator
    orchestrator.workers["w-1"] = worker_pb2.Worker(id="w-1")
    orchestrator.usage["w-1"] = [sample(1), sample(2)]
    told = await to_thread(fleet.client.worker_usage, "w-1")
    assert [each.sequence for each in told] == [1, 2]
    assert (told[0].cpu_busy, told[0].cores) == (1.0, (0.5, 1.0))
    assert await to_thread(fleet.client.worker_usage, "w-1", told[0].time) == told[1:]
    with pytest.raises(WorkerNotFound):
        await to_thread(fleet.client.worker_usage, "none")


async def test_worker_is_drained_and_taken_back(fleet: Fleet) -> None:
    fleet.gateway.orchestrator.workers["w-1"] = worker_pb2.Worker(
        id="w-1", state=worker_pb2.WORKER_STATE_ONLINE
    )
    assert (await to_thread(fleet.client.drain_worker, "w-1")).state == "draining"
    assert (await to_thread(fleet.client.worker, "w-1")).state == "draining"
    assert (await to_thread(fleet.client.resume_worker, "w-1")).state == "online"
    with pytest.raises(WorkerNotFound):
        await to_thread(fleet.client.drain_worker, "none")


async def test_events_of_a_retried_job_go_on_after_its_first_end(fleet: Fleet) -> None:
    job_id = await submit(fleet)
    orchestrator = fleet.gateway.orchestrator
    await orchestrator.end(job_id, job_pb2.JOB_STATE_FAILED)
    await to_thread(fleet.client.retry, job_id)

    def read() -> list[Event]:
        return list(fleet.client.events(job_id))

    reading = asyncio.create_task(to_thread(read))
    await eventually(lambda: orchestrator.watchers == 1)
    await orchestrator.end(job_id, job_pb2.JOB_STATE_SUCCEEDED)
    async with asyncio.timeout(10):
        events = await reading
    assert [event.sequence for event in events] == [1, 2, 3, 4]
    assert [event.is_terminal for event in events] == [False, True, False, True]
