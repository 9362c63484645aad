"""The fleet's workers."""

from datetime import UTC, datetime
from typing import Annotated

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, SkipValidation

from tensorfleet.gateway.convert.jobs import to_machine_sample, to_worker
from tensorfleet.gateway.problems import problem_responses
from tensorfleet.gateway.upstreams import Upstreams
from tensorfleet.orchestrator.v1 import worker_service_pb2
from tensorfleet.shared.errors import FieldError, InvalidInput
from tensorfleet.shared.rest.workers import Worker, WorkerList, WorkerUsage


@get(
    "/api/v1/workers",
    tags=["workers"],
    summary="List workers",
    responses=problem_responses(401, 503),
)
async def list_workers(upstreams: NamedDependency[SkipValidation[Upstreams]]) -> WorkerList:
    """Every known worker, by id."""
    answer = await upstreams.workers.ListWorkers(worker_service_pb2.ListWorkersRequest())
    return WorkerList(workers=[to_worker(worker) for worker in answer.workers])


@get(
    "/api/v1/workers/{worker_id:str}",
    tags=["workers"],
    summary="Get a worker",
    responses=problem_responses(400, 401, 404, 503),
)
async def get_worker(
    worker_id: FromPath[str], upstreams: NamedDependency[SkipValidation[Upstreams]]
) -> Worker:
    """One worker."""
    request = worker_service_pb2.GetWorkerRequest(worker_id=worker_id)
    return to_worker((await upstreams.workers.GetWorker(request)).worker)


@get(
    "/api/v1/workers/{worker_id:str}/usage",
    tags=["workers"],
    summary="Tell what a worker's machine did lately",
    responses=problem_responses(400, 401, 404, 503),
)
async def get_worker_usage(
    worker_id: FromPath[str],
    upstreams: NamedDependency[SkipValidation[Upstreams]],
    after: Annotated[
        datetime | None,
        QueryParameter(
            description="Only samples with a later time, such as that of the last one seen"
        ),
    ] = None,
) -> WorkerUsage:
    """The newest samples of its CPU, memory, disks and network: at most 600, oldest first."""
    request = worker_service_pb2.ListWorkerUsageRequest(worker_id=worker_id)
    if after is not None:
        # Without a zone it is in UTC, as every time that this API tells.
        try:
            request.after_time.FromDatetime(after if after.tzinfo else after.replace(tzinfo=UTC))
        except (ValueError, OverflowError) as exc:
            message = "must be a time between the years 1 and 9999"
            raise InvalidInput(
                f"after {message}", (FieldError(field="after", message=message),)
            ) from exc
    answer = await upstreams.workers.ListWorkerUsage(request)
    return WorkerUsage(samples=[to_machine_sample(sample) for sample in answer.samples])


@post(
    "/api/v1/workers/{worker_id:str}/drain",
    tags=["workers"],
    summary="Drain a worker",
    status_code=200,
    responses=problem_responses(400, 401, 404, 503),
)
async def drain_worker(
    worker_id: FromPath[str], upstreams: NamedDependency[SkipValidation[Upstreams]]
) -> Worker:
    """Gives the worker no new task; those that it has finish."""
    request = worker_service_pb2.DrainWorkerRequest(worker_id=worker_id)
    return to_worker((await upstreams.workers.DrainWorker(request)).worker)


@post(
    "/api/v1/workers/{worker_id:str}/resume",
    tags=["workers"],
    summary="Let a worker take tasks again",
    status_code=200,
    responses=problem_responses(400, 401, 404, 503),
)
async def resume_worker(
    worker_id: FromPath[str], upstreams: NamedDependency[SkipValidation[Upstreams]]
) -> Worker:
    """Undoes a drain, and ends a quarantine."""
    request = worker_service_pb2.ResumeWorkerRequest(worker_id=worker_id)
    return to_worker((await upstreams.workers.ResumeWorker(request)).worker)
