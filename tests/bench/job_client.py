"""What a client does with jobs over gRPC: create them, follow them, count them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

from tensorfleet.orchestrator.v1 import event_pb2, job_pb2, task_pb2
from tensorfleet.orchestrator.v1 import job_service_pb2 as pb

if TYPE_CHECKING:
    from tensorfleet.orchestrator.v1.job_service_pb2_grpc import JobServiceAsyncStub

LIST_PAGE = 500
LIST_PAUSE_SECONDS = 0.05

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class JobWentWrong(Exception):
    """A job of the benchmark did not succeed, or not as it should have: there are no figures."""


async def create(jobs: "JobServiceAsyncStub", spec: job_pb2.JobSpec) -> str:
    """Hands a job in; returns its id."""
    return (await jobs.CreateJob(pb.CreateJobRequest(spec=spec))).job.id


async def events(jobs: "JobServiceAsyncStub", job_id: str) -> AsyncGenerator[event_pb2.Event]:
    """The job's events as they come; use it within `aclosing`.

    Raises:
        JobWentWrong: The job failed.
    """
    call: Any = jobs.WatchEvents(pb.WatchEventsRequest(job_id=job_id))
    try:
        async for response in call:
            for event in response.events:
                yield event
                if event.job_state.state == job_pb2.JOB_STATE_FAILED:
                    raise JobWentWrong(f"job {job_id} failed: {event.job_state.failure}")
    finally:
        call.cancel()


async def results(jobs: "JobServiceAsyncStub", job_id: str, count: int) -> dict[str, str]:
    """Follows a job until so many tasks have succeeded: the result of each, as JSON, by task id."""
    found: dict[str, str] = {}
    async with aclosing(events(jobs, job_id)) as stream:
        async for event in stream:
            if event.task_state.state == task_pb2.TASK_STATE_SUCCEEDED:
                found[event.task_id] = event.task_state.result_json
                if len(found) == count:
                    break
    return found


async def first_result(jobs: "JobServiceAsyncStub", job_id: str) -> str:
    """Follows a job of one task until that has succeeded; its result, as JSON.

    Raises:
        JobWentWrong: It did not.
    """
    for result_json in (await results(jobs, job_id, 1)).values():
        return result_json
    raise JobWentWrong(f"job {job_id} ended without a result")


async def end(jobs: "JobServiceAsyncStub", job_id: str) -> None:
    """Follows a job to its success."""
    async with aclosing(events(jobs, job_id)) as stream:
        async for event in stream:
            if event.job_state.state == job_pb2.JOB_STATE_SUCCEEDED:
                return
    raise JobWentWrong(f"job {job_id} ended without success")


async def listed(
    jobs: "JobServiceAsyncStub", kind: str, state: "job_pb2.JobState.ValueType"
) -> AsyncIterator[list[str]]:
    """Ids of jobs, newest first, page by page."""
    token = ""
    while True:
        page = await jobs.ListJobs(
            pb.ListJobsRequest(page_size=LIST_PAGE, page_token=token, state=state, kind=kind)
        )
        yield [job.id for job in page.jobs]
        token = page.next_page_token
        if not token:
            return


async def list_until_succeeded(
    jobs: "JobServiceAsyncStub", kind: str, after_id: str, creating: asyncio.Task[list[str]]
) -> None:
    """Lists succeeded jobs, over and over, until it has seen every one.

    Args:
        kind: Kind of the jobs.
        after_id: A job that is older than all of them.
        creating: Creates them, and returns their ids.
    """
    seen: set[str] = set()
    while not (creating.done() and seen.issuperset(creating.result())):
        has_news = False
        async for page in listed(jobs, kind, job_pb2.JOB_STATE_SUCCEEDED):
            is_news = not seen.issuperset(page)
            # They end about in order: what is new is on the first pages, but for stragglers.
            if has_news and not is_news:
                break
            has_news = has_news or is_news
            seen.update(page)
            if not page or page[-1] <= after_id:
                break
        await asyncio.sleep(LIST_PAUSE_SECONDS)


async def at_most(
    limit: int, do: Callable[[Item], Awaitable[Answer]], items: Iterable[Item]
) -> list[Answer]:
    """Does something with every item, so many at a time; the answers come in no special order."""
    left, answers = iter(items), []

    async def keep_doing() -> None:
        for item in left:
            answers.append(await do(item))

    async with asyncio.TaskGroup() as group:
        for _ in range(limit):
            group.create_task(keep_doing())
    return answers
