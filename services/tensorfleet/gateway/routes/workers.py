"""The fleet's workers."""

from litestar import get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from tensorfleet.gateway.convert.jobs import to_worker
from tensorfleet.gateway.problems import problem_responses
from tensorfleet.gateway.upstreams import Upstreams
from tensorfleet.orchestrator.v1 import worker_service_pb2
from tensorfleet.shared.rest.workers import WorkerList


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
