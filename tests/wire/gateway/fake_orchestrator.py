"""An orchestrator that keeps jobs in memory, behind the real contract."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from tensorfleet.orchestrator.v1 import (
    event_pb2,
    failure_pb2,
    job_pb2,
    job_service_pb2,
    job_service_pb2_grpc,
    task_pb2,
    worker_pb2,
    worker_service_pb2,
    worker_service_pb2_grpc,
)
from tensorfleet.shared.caller import current_caller, current_request_id
from tensorfleet.shared.errors import (
    FieldError,
    IdempotencyConflict,
    InvalidJob,
    JobEnded,
    JobNotEnded,
    JobNotFound,
    Unavailable,
    UnknownKind,
    WorkerNotFound,
)
from tensorfleet.shared.ids import JobId, new_job_id, task_id
from tensorfleet.shared.paging import clamp_page_size, decode_token, encode_token

KINDS = ("command", "profile", "train", "walk")
EVENTS_A_MESSAGE = 10

MAX_PAGE_BYTES = 4 * 1024 * 1024

_STATE = {
    job_pb2.JOB_STATE_SUCCEEDED: task_pb2.TASK_STATE_SUCCEEDED,
    job_pb2.JOB_STATE_FAILED: task_pb2.TASK_STATE_FAILED,
    job_pb2.JOB_STATE_CANCELLED: task_pb2.TASK_STATE_CANCELLED,
}


def now() -> Timestamp:
    """The present time as a message."""
    time = Timestamp()
    time.FromDatetime(datetime.now(UTC))
    return time


class FakeOrchestrator(
    job_service_pb2_grpc.JobServiceServicer, worker_service_pb2_grpc.WorkerServiceServicer
):
    """Jobs with one task each; tests move them on."""

    def __init__(self) -> None:
        self.jobs: dict[str, job_pb2.Job] = {}
        self.events: dict[str, list[event_pb2.Event]] = defaultdict(list)
        self.workers: dict[str, worker_pb2.Worker] = {}
        self.usage: dict[str, list[worker_pb2.MachineSample]] = {}
        """Samples of a worker's machine, oldest first."""
        self.watchers = 0
        self.watch_positions: list[int] = []
        """The last event that each stream ever opened was given."""
        self.breaks_to_come = 0
        """How many event streams still break after one batch."""
        self.is_stalled = False
        """Event streams open, but nothing comes."""
        self.cancel_reasons: list[str] = []
        self.results: dict[str, str] = {}
        """Of the task of a job."""
        self.tasks: dict[str, list[task_pb2.Task]] = {}
        """Of a job that is to have other tasks than one."""
        self.task_pages = 0
        """What pages of tasks were asked for."""
        self.explanations: dict[str, job_service_pb2.ExplainJobResponse] = {}
        self.request_ids: list[str] = []
        self._by_request: dict[tuple[str, str], tuple[bytes, str]] = {}
        self._news = asyncio.Condition()

    # What tests do to it.

    async def add_event(self, job_id: str, **payload: object) -> event_pb2.Event:
        """Records an event of a job's task and wakes its readers."""
        async with self._news:
            event = event_pb2.Event(
                job_id=job_id,
                sequence=len(self.events[job_id]) + 1,
                time=now(),
                **payload,  # type: ignore[arg-type]
            )
            self.events[job_id].append(event)
            self._news.notify_all()
        return event

    async def run(self, job_id: str) -> None:
        """Starts a job."""
        job = self.jobs[job_id]
        job.state = job_pb2.JOB_STATE_RUNNING
        job.start_time.CopyFrom(now())
        job.tasks.CopyFrom(job_pb2.TaskCounts(total=1, running=1))
        change = event_pb2.JobStateChange(state=job.state)
        await self.add_event(job_id, job_state=change)

    async def end(self, job_id: str, state: "job_pb2.JobState.ValueType") -> None:
        """Ends a job, with its terminal event."""
        job = self.jobs[job_id]
        job.state = state
        job.end_time.CopyFrom(now())
        job.tasks.CopyFrom(job_pb2.TaskCounts(total=1, succeeded=1))
        change = event_pb2.JobStateChange(state=state, is_terminal=True)
        if state == job_pb2.JOB_STATE_FAILED:
            job.failure.CopyFrom(
                failure_pb2.Failure(
                    reason="USER_CODE", message="exit 3", exit_code=3, output_tail=["a", "b"]
                )
            )
            change.failure.CopyFrom(job.failure)
        await self.add_event(job_id, job_state=change)

    def _find(self, job_id: str) -> job_pb2.Job:
        self.request_ids.append(current_request_id.get())
        job = self.jobs.get(job_id)
        if job is None or job.project != current_caller.get().project:
            raise JobNotFound(f"there is no job {job_id}")
        return job

    # JobService

    async def CreateJob(
        self, request: job_service_pb2.CreateJobRequest, context: object
    ) -> job_service_pb2.CreateJobResponse:
        caller = current_caller.get()
        if request.spec.kind not in KINDS:
            raise UnknownKind(f"there is no kind {request.spec.kind}")
        if "forbidden" in request.spec.spec_json:
            message = "is not allowed here"
            raise InvalidJob(f"spec {message}", (FieldError(field="spec.x", message=message),))
        key = (caller.project, request.request_id)
        body = request.spec.SerializeToString(deterministic=True)
        if request.request_id and key in self._by_request:
            known_body, job_id = self._by_request[key]
            if known_body != body:
                raise IdempotencyConflict("the same request id came with another job")
            return job_service_pb2.CreateJobResponse(job=self.jobs[job_id])
        job = job_pb2.Job(
            id=new_job_id(),
            spec=request.spec,
            state=job_pb2.JOB_STATE_PENDING,
            owner=caller.user,
            project=caller.project,
            create_time=now(),
            tasks=job_pb2.TaskCounts(total=1, queued=1),
        )
        self.jobs[job.id] = job
        self._by_request[key] = (body, job.id)
        await self.add_event(job.id, job_state=event_pb2.JobStateChange(state=job.state))
        return job_service_pb2.CreateJobResponse(job=job)

    async def GetJob(
        self, request: job_service_pb2.GetJobRequest, context: object
    ) -> job_service_pb2.GetJobResponse:
        return job_service_pb2.GetJobResponse(job=self._find(request.job_id))

    async def ListJobs(
        self, request: job_service_pb2.ListJobsRequest, context: object
    ) -> job_service_pb2.ListJobsResponse:
        before = decode_token("jobs", request.page_token)
        found = [
            job
            for job in sorted(self.jobs.values(), key=lambda job: job.id, reverse=True)
            if job.project == current_caller.get().project
            and (before is None or job.id < before)
            and request.state in (job_pb2.JOB_STATE_UNSPECIFIED, job.state)
            and request.kind in ("", job.spec.kind)
        ]
        size = clamp_page_size(request.page_size)
        page = found[:size]
        token = encode_token("jobs", page[-1].id) if len(found) > size else ""
        return job_service_pb2.ListJobsResponse(jobs=page, next_page_token=token)

    async def CancelJob(
        self, request: job_service_pb2.CancelJobRequest, context: object
    ) -> job_service_pb2.CancelJobResponse:
        job = self._find(request.job_id)
        self.cancel_reasons.append(request.reason)
        if job.state not in _STATE:
            job.cancel_request_time.CopyFrom(now())
            await self.end(job.id, job_pb2.JOB_STATE_CANCELLED)
        return job_service_pb2.CancelJobResponse(job=job)

    def _find_open(self, job_id: str) -> job_pb2.Job:
        job = self._find(job_id)
        if job.state in _STATE:
            raise JobEnded(f"{job_id} has ended")
        return job

    async def PauseJob(
        self, request: job_service_pb2.PauseJobRequest, context: object
    ) -> job_service_pb2.PauseJobResponse:
        job = self._find_open(request.job_id)
        job.state = job_pb2.JOB_STATE_PAUSED
        return job_service_pb2.PauseJobResponse(job=job)

    async def ResumeJob(
        self, request: job_service_pb2.ResumeJobRequest, context: object
    ) -> job_service_pb2.ResumeJobResponse:
        job = self._find_open(request.job_id)
        job.state = job_pb2.JOB_STATE_PENDING
        return job_service_pb2.ResumeJobResponse(job=job)

    async def RetryJob(
        self, request: job_service_pb2.RetryJobRequest, context: object
    ) -> job_service_pb2.RetryJobResponse:
        job = self._find(request.job_id)
        if job.state not in _STATE:
            raise JobNotEnded(f"{job.id} has not ended")
        job.state = job_pb2.JOB_STATE_PENDING
        job.ClearField("end_time")
        job.ClearField("failure")
        await self.add_event(job.id, job_state=event_pb2.JobStateChange(state=job.state))
        return job_service_pb2.RetryJobResponse(job=job)

    async def UpdateJob(
        self, request: job_service_pb2.UpdateJobRequest, context: object
    ) -> job_service_pb2.UpdateJobResponse:
        job = self._find_open(request.job.id)
        request.update_mask.MergeMessage(
            request.job, job, replace_message_field=True, replace_repeated_field=True
        )
        return job_service_pb2.UpdateJobResponse(job=job)

    async def ExplainJob(
        self, request: job_service_pb2.ExplainJobRequest, context: object
    ) -> job_service_pb2.ExplainJobResponse:
        job = self._find(request.job_id)
        return self.explanations.get(job.id, job_service_pb2.ExplainJobResponse())

    async def ListTasks(
        self, request: job_service_pb2.ListTasksRequest, context: object
    ) -> job_service_pb2.ListTasksResponse:
        job = self._find(request.job_id)
        self.task_pages += 1
        if job.id in self.tasks:
            return self._task_page(request)
        state = _STATE.get(job.state, task_pb2.TASK_STATE_QUEUED)
        task = task_pb2.Task(
            id=task_id(JobId(job.id), 0),
            job_id=job.id,
            state=state,
            resources=job.spec.resources,
            task_json='{"rank": 0}',
            create_time=job.create_time,
            result_json=self.results.get(job.id, ""),
        )
        if job.HasField("end_time"):
            task.attempts.add(
                number=1,
                worker_id="w-1",
                start_time=job.create_time,
                end_time=job.end_time,
                outcome=task_pb2.ATTEMPT_OUTCOME_SUCCEEDED,
            )
        wanted = request.state in (task_pb2.TASK_STATE_UNSPECIFIED, state)
        return job_service_pb2.ListTasksResponse(tasks=[task] if wanted else [])

    def _task_page(
        self, request: job_service_pb2.ListTasksRequest
    ) -> job_service_pb2.ListTasksResponse:
        after = decode_token("tasks", request.page_token)
        begin = 0 if after is None else int(after)
        tasks = self.tasks[request.job_id]
        end, page_bytes = begin, 0
        # As the real one: at most so many, and no more bytes than a message may have.
        while end < len(tasks) and end - begin < clamp_page_size(
            request.page_size, default=100, most=1000
        ):
            page_bytes += tasks[end].ByteSize()
            if end > begin and page_bytes > MAX_PAGE_BYTES:
                break
            end += 1
        token = encode_token("tasks", str(end)) if end < len(tasks) else ""
        return job_service_pb2.ListTasksResponse(tasks=tasks[begin:end], next_page_token=token)

    async def WatchEvents(
        self, request: job_service_pb2.WatchEventsRequest, context: object
    ) -> AsyncIterator[job_service_pb2.WatchEventsResponse]:
        job = self._find(request.job_id)
        events = self.events[job.id]
        last = request.after_sequence
        self.watchers += 1
        stream = len(self.watch_positions)
        self.watch_positions.append(last)
        try:
            if self.is_stalled:
                await asyncio.Event().wait()
            while True:
                async with self._news:
                    while len(events) <= last and job.state not in _STATE:
                        await self._news.wait()
                    new = events[last : last + EVENTS_A_MESSAGE]
                if not new:
                    return
                if self.breaks_to_come:
                    self.breaks_to_come -= 1
                    yield job_service_pb2.WatchEventsResponse(events=new[:1])
                    raise Unavailable("the orchestrator goes away")
                yield job_service_pb2.WatchEventsResponse(events=new)
                last = new[-1].sequence
                self.watch_positions[stream] = last
                if new[-1].job_state.is_terminal:
                    return
        finally:
            self.watchers -= 1

    # WorkerService

    async def ListWorkers(
        self, request: worker_service_pb2.ListWorkersRequest, context: object
    ) -> worker_service_pb2.ListWorkersResponse:
        workers = [self.workers[name] for name in sorted(self.workers)]
        return worker_service_pb2.ListWorkersResponse(workers=workers)

    def _worker(self, worker_id: str) -> worker_pb2.Worker:
        if worker_id not in self.workers:
            raise WorkerNotFound(f"there is no worker {worker_id}")
        return self.workers[worker_id]

    async def GetWorker(
        self, request: worker_service_pb2.GetWorkerRequest, context: object
    ) -> worker_service_pb2.GetWorkerResponse:
        return worker_service_pb2.GetWorkerResponse(worker=self._worker(request.worker_id))

    async def ListWorkerUsage(
        self, request: worker_service_pb2.ListWorkerUsageRequest, context: object
    ) -> worker_service_pb2.ListWorkerUsageResponse:
        self._worker(request.worker_id)
        after = request.after_time.ToDatetime() if request.HasField("after_time") else None
        samples = [
            sample
            for sample in self.usage.get(request.worker_id, [])
            if after is None or sample.time.ToDatetime() > after
        ]
        return worker_service_pb2.ListWorkerUsageResponse(samples=samples)

    async def DrainWorker(
        self, request: worker_service_pb2.DrainWorkerRequest, context: object
    ) -> worker_service_pb2.DrainWorkerResponse:
        worker = self._worker(request.worker_id)
        worker.state = worker_pb2.WORKER_STATE_DRAINING
        return worker_service_pb2.DrainWorkerResponse(worker=worker)

    async def ResumeWorker(
        self, request: worker_service_pb2.ResumeWorkerRequest, context: object
    ) -> worker_service_pb2.ResumeWorkerResponse:
        worker = self._worker(request.worker_id)
        worker.state = worker_pb2.WORKER_STATE_ONLINE
        worker.ClearField("quarantine_end_time")
        return worker_service_pb2.ResumeWorkerResponse(worker=worker)
