"""Jobs, their tasks and checkpoints."""

from typing import Annotated

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import (
    FromPath,
    FromQuery,
    HeaderParameter,
    JSONBody,
    QueryParameter,
    SkipValidation,
)

from tensorfleet.gateway.bodies import CheckedBody
from tensorfleet.gateway.convert.job_specs import to_job_spec
from tensorfleet.gateway.convert.jobs import (
    job_state_filter,
    task_state_filter,
    to_checkpoint,
    to_job,
    to_task,
)
from tensorfleet.gateway.problems import problem_responses
from tensorfleet.gateway.routes.paging import PageSize, PageToken
from tensorfleet.gateway.upstreams import Upstreams
from tensorfleet.orchestrator.v1 import job_service_pb2
from tensorfleet.shared.rest import jobs
from tensorfleet.storage.v1 import checkpoint_service_pb2

MAX_IDEMPOTENCY_KEY_LENGTH = 128

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        required=False,
        max_length=MAX_IDEMPOTENCY_KEY_LENGTH,
        description="Chosen by the caller. The same key with the same body answers with the first "
        "job; with another body it is refused with IDEMPOTENCY_CONFLICT.",
    ),
]

# Not called `state`: that name of a parameter means something else to Litestar.
JobStateFilter = Annotated[
    jobs.JobState | None, QueryParameter(name="state", description="Only jobs in this state")
]
TaskStateFilter = Annotated[
    jobs.TaskState | None, QueryParameter(name="state", description="Only tasks in this state")
]


@post(
    "/api/v1/jobs",
    tags=["jobs"],
    summary="Submit a job",
    dto=CheckedBody[jobs.CreateJob],
    return_dto=None,
    responses=problem_responses(400, 401, 409, 413, 503),
)
async def create_job(
    data: JSONBody[jobs.CreateJob],
    upstreams: NamedDependency[SkipValidation[Upstreams]],
    idempotency_key: IdempotencyKey = None,
) -> Response[jobs.Job]:
    """Accepts a job; when this answers, it is durable and queued."""
    return await submit_job(data, upstreams, idempotency_key)


async def submit_job(
    asked: jobs.CreateJob, upstreams: Upstreams, idempotency_key: str | None
) -> Response[jobs.Job]:
    """The answer to whoever asks for a job, by whatever route."""
    answer = await upstreams.jobs.CreateJob(
        job_service_pb2.CreateJobRequest(spec=to_job_spec(asked), request_id=idempotency_key or "")
    )
    job = to_job(answer.job)
    return Response(job, status_code=201, headers={"Location": f"/api/v1/jobs/{job.id}"})


@get(
    "/api/v1/jobs",
    tags=["jobs"],
    summary="List jobs",
    responses=problem_responses(400, 401, 503),
)
async def list_jobs(
    upstreams: NamedDependency[SkipValidation[Upstreams]],
    page_size: PageSize = 0,
    page_token: PageToken = "",
    in_state: JobStateFilter = None,
    kind: FromQuery[str] = "",
) -> jobs.JobPage:
    """Jobs of the caller's project, newest first; 50 a page, at most 500."""
    answer = await upstreams.jobs.ListJobs(
        job_service_pb2.ListJobsRequest(
            page_size=page_size, page_token=page_token, state=job_state_filter(in_state), kind=kind
        )
    )
    return jobs.JobPage(
        jobs=[to_job(job) for job in answer.jobs], next_page_token=answer.next_page_token
    )


@get(
    "/api/v1/jobs/{job_id:str}",
    tags=["jobs"],
    summary="Get a job",
    responses=problem_responses(400, 401, 404, 503),
)
async def get_job(
    job_id: FromPath[str], upstreams: NamedDependency[SkipValidation[Upstreams]]
) -> jobs.Job:
    """One job."""
    answer = await upstreams.jobs.GetJob(job_service_pb2.GetJobRequest(job_id=job_id))
    return to_job(answer.job)


@post(
    "/api/v1/jobs/{job_id:str}/cancel",
    tags=["jobs"],
    summary="Cancel a job",
    status_code=200,
    dto=CheckedBody[jobs.CancelJob],
    return_dto=None,
    responses=problem_responses(400, 401, 404, 503),
)
async def cancel_job(
    job_id: FromPath[str],
    upstreams: NamedDependency[SkipValidation[Upstreams]],
    data: JSONBody[jobs.CancelJob | None] = None,
) -> jobs.Job:
    """Asks every task to stop; a job that has ended stays as it is. The body may be left out."""
    answer = await upstreams.jobs.CancelJob(
        job_service_pb2.CancelJobRequest(job_id=job_id, reason=data.reason if data else "")
    )
    return to_job(answer.job)


@get(
    "/api/v1/jobs/{job_id:str}/tasks",
    tags=["jobs"],
    summary="List a job's tasks",
    responses=problem_responses(400, 401, 404, 503),
)
async def list_tasks(
    job_id: FromPath[str],
    upstreams: NamedDependency[SkipValidation[Upstreams]],
    page_size: PageSize = 0,
    page_token: PageToken = "",
    in_state: TaskStateFilter = None,
) -> jobs.TaskPage:
    """The tasks with their attempts, by index; 100 a page, at most 1,000."""
    answer = await upstreams.jobs.ListTasks(
        job_service_pb2.ListTasksRequest(
            job_id=job_id,
            page_size=page_size,
            page_token=page_token,
            state=task_state_filter(in_state),
        )
    )
    return jobs.TaskPage(
        tasks=[to_task(task) for task in answer.tasks], next_page_token=answer.next_page_token
    )


@get(
    "/api/v1/jobs/{job_id:str}/checkpoints",
    tags=["jobs"],
    summary="List a job's checkpoints",
    responses=problem_responses(400, 401, 404, 503),
)
async def list_checkpoints(
    job_id: FromPath[str],
    upstreams: NamedDependency[SkipValidation[Upstreams]],
    page_size: PageSize = 0,
    page_token: PageToken = "",
) -> jobs.CheckpointPage:
    """The checkpoints, newest first; 50 a page, at most 500."""
    # Storage does not know jobs: only the orchestrator tells an unknown one from an empty list.
    await upstreams.jobs.GetJob(job_service_pb2.GetJobRequest(job_id=job_id))
    answer = await upstreams.checkpoints.ListCheckpoints(
        checkpoint_service_pb2.ListCheckpointsRequest(
            job_id=job_id, page_size=page_size, page_token=page_token
        )
    )
    return jobs.CheckpointPage(
        checkpoints=[to_checkpoint(checkpoint) for checkpoint in answer.checkpoints],
        next_page_token=answer.next_page_token,
    )
