"""What clients ask of an orchestrator, with few words."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tensorfleet.orchestrator.v1 import (
    event_pb2,
    job_pb2,
    resources_pb2,
    task_pb2,
    worker_pb2,
    worker_service_pb2,
)
from tensorfleet.orchestrator.v1 import job_service_pb2 as pb
from tensorfleet.shared.caller import Caller, current_caller
from tests.wire.orchestrator.running_orchestrator import OrchestratorDoor, command_job


async def create(door: OrchestratorDoor, *, tasks: int = 1, **changes: Any) -> job_pb2.Job:
    """A new job; words are fields of its spec, or of the resources that it needs."""
    needs = {
        key: changes.pop(key) for key in ("cpus", "memory_bytes", "exclusive") if key in changes
    }
    if needs:
        changes["resources"] = resources_pb2.Resources(**needs)
    if tasks != 1:
        changes["spec_json"] = f'{{"command": ["true"], "count": {tasks}}}'
    return (await door.jobs.CreateJob(command_job(**changes))).job


async def job_of(door: OrchestratorDoor, job_id: str) -> job_pb2.Job:
    """The job as it is."""
    return (await door.jobs.GetJob(pb.GetJobRequest(job_id=job_id))).job


async def tasks_of(door: OrchestratorDoor, job_id: str) -> list[task_pb2.Task]:
    """The job's tasks by index."""
    answer = await door.jobs.ListTasks(pb.ListTasksRequest(job_id=job_id, page_size=1000))
    return list(answer.tasks)


async def events_of(door: OrchestratorDoor, job_id: str, after: int = 0) -> list[event_pb2.Event]:
    """Every event of a job that ends."""
    async with asyncio.timeout(20):
        request = pb.WatchEventsRequest(job_id=job_id, after_sequence=after)
        return [e async for r in door.jobs.WatchEvents(request) for e in r.events]


async def ended(door: OrchestratorDoor, job_id: str) -> job_pb2.Job:
    """The job when it has ended; its events are checked."""
    events = await events_of(door, job_id)
    assert [e.sequence for e in events] == list(range(1, len(events) + 1))
    assert events[-1].job_state.is_terminal
    return await job_of(door, job_id)


async def blockers(door: OrchestratorDoor, job_id: str) -> dict[str, str]:
    """Why it waits: reasons and messages."""
    answer = await door.jobs.ExplainJob(pb.ExplainJobRequest(job_id=job_id))
    return {blocker.reason: blocker.message for blocker in answer.blockers}


async def worker_of(door: OrchestratorDoor, name: str) -> worker_pb2.Worker:
    """A worker as the fleet knows it."""
    request = worker_service_pb2.GetWorkerRequest(worker_id=name)
    return (await door.workers.GetWorker(request)).worker


@contextmanager
def on_behalf_of(user: str, project: str = "default") -> Iterator[None]:
    """What is called inside is this user's."""
    token = current_caller.set(Caller(user=user, project=project))
    try:
        yield
    finally:
        current_caller.reset(token)
