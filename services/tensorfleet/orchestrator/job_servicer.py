"""The door for clients: JobService."""

from collections.abc import AsyncIterator
from typing import Any

from tensorfleet.orchestrator.convert.events import event_to_message
from tensorfleet.orchestrator.convert.jobs import (
    job_state_filter,
    job_to_message,
    spec_from_message,
    update_from_message,
)
from tensorfleet.orchestrator.convert.tasks import task_state_filter, task_to_message
from tensorfleet.orchestrator.convert.times import to_timestamp
from tensorfleet.orchestrator.event_watch import EventWatch
from tensorfleet.orchestrator.explainer import Explainer
from tensorfleet.orchestrator.job_control import JobControl
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.orchestrator.v1 import job_service_pb2 as pb
from tensorfleet.orchestrator.v1 import job_service_pb2_grpc
from tensorfleet.shared import paging
from tensorfleet.shared.caller import current_caller
from tensorfleet.shared.errors import InvalidInput, InvalidPageToken
from tensorfleet.shared.ids import JobId

MAX_REQUEST_ID_LENGTH = 128
MAX_REASON_LENGTH = 1024
MAX_TASKS_PAGE = 1000
# Tasks may have large results: a page ends early rather than be larger than a message may be.
MAX_PAGE_BYTES = 4 * 1024 * 1024
TASKS_A_READ = 128


class JobServicer(job_service_pb2_grpc.JobServiceServicer):
    """Jobs of the caller's project."""

    def __init__(
        self,
        store: OrchestratorStore,
        control: JobControl,
        explainer: Explainer,
        watch: EventWatch,
    ) -> None:
        self._store = store
        self._control = control
        self._explainer = explainer
        self._watch = watch

    async def CreateJob(self, request: pb.CreateJobRequest, context: Any) -> pb.CreateJobResponse:
        """See the contract."""
        if len(request.request_id) > MAX_REQUEST_ID_LENGTH:
            raise InvalidInput(f"request_id is longer than {MAX_REQUEST_ID_LENGTH} characters")
        caller = current_caller.get()
        job = await self._control.create(
            spec_from_message(request.spec),
            owner=caller.user,
            project=caller.project,
            request_id=request.request_id,
        )
        return pb.CreateJobResponse(job=job_to_message(job))

    async def GetJob(self, request: pb.GetJobRequest, context: Any) -> pb.GetJobResponse:
        """See the contract."""
        job = await self._store.get_job(JobId(request.job_id), current_caller.get().project)
        return pb.GetJobResponse(job=job_to_message(job))

    async def ListJobs(self, request: pb.ListJobsRequest, context: Any) -> pb.ListJobsResponse:
        """See the contract."""
        size = paging.clamp_page_size(request.page_size)
        jobs = await self._store.list_jobs(
            current_caller.get().project,
            state=job_state_filter(request.state),
            kind=request.kind,
            before_id=paging.decode_token("jobs", request.page_token),
            limit=size + 1,
        )
        token = paging.encode_token("jobs", jobs[size - 1].id) if len(jobs) > size else ""
        return pb.ListJobsResponse(
            jobs=[job_to_message(job) for job in jobs[:size]], next_page_token=token
        )

    async def CancelJob(self, request: pb.CancelJobRequest, context: Any) -> pb.CancelJobResponse:
        """See the contract."""
        job = await self._control.cancel(
            JobId(request.job_id),
            current_caller.get().project,
            request.reason[:MAX_REASON_LENGTH],
        )
        return pb.CancelJobResponse(job=job_to_message(job))

    async def PauseJob(self, request: pb.PauseJobRequest, context: Any) -> pb.PauseJobResponse:
        """See the contract."""
        job = await self._control.pause(JobId(request.job_id), current_caller.get().project)
        return pb.PauseJobResponse(job=job_to_message(job))

    async def ResumeJob(self, request: pb.ResumeJobRequest, context: Any) -> pb.ResumeJobResponse:
        """See the contract."""
        job = await self._control.resume(JobId(request.job_id), current_caller.get().project)
        return pb.ResumeJobResponse(job=job_to_message(job))

    async def RetryJob(self, request: pb.RetryJobRequest, context: Any) -> pb.RetryJobResponse:
        """See the contract."""
        job = await self._control.retry(JobId(request.job_id), current_caller.get().project)
        return pb.RetryJobResponse(job=job_to_message(job))

    async def UpdateJob(self, request: pb.UpdateJobRequest, context: Any) -> pb.UpdateJobResponse:
        """See the contract."""
        job = await self._control.update(
            JobId(request.job.id), current_caller.get().project, **update_from_message(request)
        )
        return pb.UpdateJobResponse(job=job_to_message(job))

    async def ExplainJob(
        self, request: pb.ExplainJobRequest, context: Any
    ) -> pb.ExplainJobResponse:
        """See the contract."""
        found = await self._explainer.explain(JobId(request.job_id), current_caller.get().project)
        return pb.ExplainJobResponse(
            queue_position=found.position,
            blockers=[
                pb.ExplainJobResponse.Blocker(reason=b.reason.value, message=b.message)
                for b in found.blockers
            ],
            estimated_start_time=to_timestamp(found.estimated_start_time),
        )

    async def ListTasks(self, request: pb.ListTasksRequest, context: Any) -> pb.ListTasksResponse:
        """See the contract."""
        job = await self._store.get_job(JobId(request.job_id), current_caller.get().project)
        size = paging.clamp_page_size(request.page_size, default=100, most=MAX_TASKS_PAGE)
        list_name = f"tasks of {job.id}"
        after = paging.decode_token(list_name, request.page_token)
        try:
            after_index = -1 if after is None else int(after)
        except ValueError as exc:
            raise InvalidPageToken("page_token is damaged; start at page one") from exc
        state = task_state_filter(request.state)
        page = pb.ListTasksResponse()
        page_bytes = 0
        while tasks := await self._store.list_tasks(
            job.id, state=state, after_index=after_index, limit=min(size + 1, TASKS_A_READ)
        ):
            for task in tasks:
                message = task_to_message(task, job.spec.resources)
                page_bytes += message.ByteSize()
                if len(page.tasks) == size or (page.tasks and page_bytes > MAX_PAGE_BYTES):
                    page.next_page_token = paging.encode_token(list_name, str(after_index))
                    return page
                page.tasks.append(message)
                after_index = task.index
            if len(tasks) < min(size + 1, TASKS_A_READ):
                break
        return page

    async def WatchEvents(
        self, request: pb.WatchEventsRequest, context: Any
    ) -> AsyncIterator[pb.WatchEventsResponse]:
        """See the contract."""
        if request.after_sequence < 0:
            raise InvalidInput("after_sequence must not be negative")
        job = await self._store.get_job(JobId(request.job_id), current_caller.get().project)
        async for events in self._watch.follow(job, request.after_sequence):
            yield pb.WatchEventsResponse(events=[event_to_message(e) for e in events])
