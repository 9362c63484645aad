"""Looking at jobs through JobService, for tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from tensorfleet.orchestrator.v1 import event_pb2, job_pb2, task_pb2
from tensorfleet.orchestrator.v1 import job_service_pb2 as pb
from tensorfleet.orchestrator.v1.job_service_pb2_grpc import JobServiceStub
from tensorfleet.shared.caller import Caller, current_caller
from tensorfleet.shared.errors import TensorFleetError
from tensorfleet.shared.grpc_client import open_channel
from tests.chaos.cast import Cast
from tests.chaos.surroundings import SERVICE_TOKEN
from tests.deadlines import eventually

if TYPE_CHECKING:
    from tensorfleet.orchestrator.v1.job_service_pb2_grpc import JobServiceAsyncStub

PAGE = 500
ANSWER_SECONDS = 10.0


@asynccontextmanager
async def jobs_door(cast: Cast) -> AsyncIterator["JobServiceAsyncStub"]:
    """JobService of whichever orchestrator answers, as the admin's project sees it."""
    before = current_caller.set(Caller(user="admin", project="default"))
    try:
        async with open_channel(cast.orchestrator_address, SERVICE_TOKEN) as channel:
            yield JobServiceStub(channel)
    finally:
        current_caller.reset(before)


async def runs_somewhere(jobs: "JobServiceAsyncStub", job_id: str, attempt: int) -> str:
    """Waits until the job's first task runs as this attempt; the worker that it runs on."""
    found: list[task_pb2.Attempt] = []

    async def runs() -> bool:
        with suppress(TensorFleetError):  # whoever is asked may be the one that is broken
            (task,) = await list_tasks(jobs, job_id)
            found[:] = task.attempts
        return len(found) >= attempt

    await eventually(runs, timeout_seconds=60)
    return found[attempt - 1].worker_id


async def list_jobs(jobs: "JobServiceAsyncStub") -> list[job_pb2.Job]:
    found: list[job_pb2.Job] = []
    token = ""
    while True:
        answer = await jobs.ListJobs(pb.ListJobsRequest(page_size=PAGE, page_token=token))
        found += answer.jobs
        token = answer.next_page_token
        if not token:
            return found


async def list_tasks(jobs: "JobServiceAsyncStub", job_id: str) -> list[task_pb2.Task]:
    found: list[task_pb2.Task] = []
    token = ""
    while True:
        request = pb.ListTasksRequest(job_id=job_id, page_size=PAGE, page_token=token)
        answer = await jobs.ListTasks(request)
        found += answer.tasks
        token = answer.next_page_token
        if not token:
            return found


async def events_of(jobs: "JobServiceAsyncStub", job_id: str) -> list[event_pb2.Event]:
    """All events of a job that has ended."""
    found: list[event_pb2.Event] = []
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            async for response in jobs.WatchEvents(pb.WatchEventsRequest(job_id=job_id)):
                found += response.events
    except TimeoutError:
        pass  # it has not ended; the judge says so
    return found
