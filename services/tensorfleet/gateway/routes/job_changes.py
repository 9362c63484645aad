"""Changes of jobs that wait, run or have ended, and why they wait."""

import asyncio

from litestar import get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation

from tensorfleet.gateway.bodies import CheckedBody
from tensorfleet.gateway.convert.job_specs import to_explanation, to_update_request
from tensorfleet.gateway.convert.jobs import to_job
from tensorfleet.gateway.problems import problem_responses
from tensorfleet.gateway.upstreams import Upstreams
from tensorfleet.orchestrator.v1 import job_service_pb2
from tensorfleet.shared.rest import jobs
from tensorfleet.shared.rest.job_changes import Explanation, UpdateJob


@patch(
    "/api/v1/jobs/{job_id:str}",
    tags=["jobs"],
    summary="Change a job",
    dto=CheckedBody[UpdateJob],
    return_dto=None,
    responses=problem_responses(400, 401, 404, 409, 413, 503),
)
async def update_job(
    job_id: FromPath[str],
    data: JSONBody[UpdateJob],
    upstreams: NamedDependency[SkipValidation[Upstreams]],
) -> jobs.Job:
    """Changes priority, name or labels of a job that has not ended, as a JSON merge patch.

    What is left out stays; null stands for the default; a label that is null is removed. Two
    changes of labels at the same moment may undo each other.
    """
    found = await upstreams.jobs.GetJob(job_service_pb2.GetJobRequest(job_id=job_id))
    request = to_update_request(job_id, data, found.job.spec.labels)
    if not request.update_mask.paths:
        return to_job(found.job)
    answer = await upstreams.jobs.UpdateJob(request)
    return to_job(answer.job)


@post(
    "/api/v1/jobs/{job_id:str}/pause",
    tags=["jobs"],
    summary="Pause a job",
    status_code=200,
    responses=problem_responses(400, 401, 404, 409, 503),
)
async def pause_job(
    job_id: FromPath[str], upstreams: NamedDependency[SkipValidation[Upstreams]]
) -> jobs.Job:
    """Starts no further task of the job; those that run go on."""
    answer = await upstreams.jobs.PauseJob(job_service_pb2.PauseJobRequest(job_id=job_id))
    return to_job(answer.job)


@post(
    "/api/v1/jobs/{job_id:str}/resume",
    tags=["jobs"],
    summary="Resume a job",
    status_code=200,
    responses=problem_responses(400, 401, 404, 409, 503),
)
async def resume_job(
    job_id: FromPath[str], upstreams: NamedDependency[SkipValidation[Upstreams]]
) -> jobs.Job:
    """Undoes a pause."""
    answer = await upstreams.jobs.ResumeJob(job_service_pb2.ResumeJobRequest(job_id=job_id))
    return to_job(answer.job)


@post(
    "/api/v1/jobs/{job_id:str}/retry",
    tags=["jobs"],
    summary="Retry a job",
    status_code=200,
    responses=problem_responses(400, 401, 404, 409, 503),
)
async def retry_job(
    job_id: FromPath[str], upstreams: NamedDependency[SkipValidation[Upstreams]]
) -> jobs.Job:
    """Queues the failed and cancelled tasks of an ended job again."""
    answer = await upstreams.jobs.RetryJob(job_service_pb2.RetryJobRequest(job_id=job_id))
    return to_job(answer.job)


@get(
    "/api/v1/jobs/{job_id:str}/explain",
    tags=["jobs"],
    summary="Why a job waits",
    responses=problem_responses(400, 401, 404, 503),
)
async def explain_job(
    job_id: FromPath[str], upstreams: NamedDependency[SkipValidation[Upstreams]]
) -> Explanation:
    """The job's place in the queue, everything that stands in its way, and when it may start."""
    found, answer = await asyncio.gather(
        upstreams.jobs.GetJob(job_service_pb2.GetJobRequest(job_id=job_id)),
        upstreams.jobs.ExplainJob(job_service_pb2.ExplainJobRequest(job_id=job_id)),
    )
    return to_explanation(found.job, answer)
