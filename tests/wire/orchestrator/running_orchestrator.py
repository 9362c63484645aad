"""A real orchestrator in the test's own event loop, over real stores and real sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from tensorfleet.orchestrator.app import orchestrator_started
from tensorfleet.orchestrator.settings import OrchestratorSettings
from tensorfleet.orchestrator.v1 import job_pb2, job_service_pb2
from tensorfleet.orchestrator.v1.definition_service_pb2_grpc import DefinitionServiceStub
from tensorfleet.orchestrator.v1.dispatch_service_pb2_grpc import DispatchServiceStub
from tensorfleet.orchestrator.v1.job_service_pb2_grpc import JobServiceStub
from tensorfleet.orchestrator.v1.worker_service_pb2_grpc import WorkerServiceStub
from tensorfleet.shared.clock import Clock, utc_now
from tensorfleet.shared.grpc_client import open_channel

if TYPE_CHECKING:
    from tensorfleet.orchestrator.v1.definition_service_pb2_grpc import (
        DefinitionServiceAsyncStub,
    )
    from tensorfleet.orchestrator.v1.dispatch_service_pb2_grpc import DispatchServiceAsyncStub
    from tensorfleet.orchestrator.v1.job_service_pb2_grpc import JobServiceAsyncStub
    from tensorfleet.orchestrator.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub

SERVICE_TOKEN = "a-token-that-only-the-tests-know-0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrchestratorDoor:
    """Stubs of a running orchestrator."""

    address: str
    channel: grpc.aio.Channel
    jobs: "JobServiceAsyncStub"
    dispatch: "DispatchServiceAsyncStub"
    workers: "WorkerServiceAsyncStub"
    definitions: "DefinitionServiceAsyncStub"


@asynccontextmanager
async def orchestrator_running(
    mongo_url: str,
    mongo_database: str,
    redis_url: str,
    *,
    lease_seconds: float = 2.0,
    renew_interval_seconds: float = 0.5,
    machine_clock: Clock = utc_now,
    **more_settings: Any,
) -> AsyncIterator[OrchestratorDoor]:
    """Starts an orchestrator with a short lease and stops it at the end of the block.

    Args:
        machine_clock: What its machine believes that the time is.
        more_settings: Any of `OrchestratorSettings`.
    """
    settings = OrchestratorSettings(
        service_token=SERVICE_TOKEN,
        mongo_url=mongo_url,
        mongo_database=mongo_database,
        redis_url=redis_url,
        orchestrator_listen="127.0.0.1:0",
        orchestrator_metrics_listen="",
        lease_seconds=lease_seconds,
        renew_interval_seconds=renew_interval_seconds,
        shutdown_grace_seconds=0.5,
        **more_settings,
    )
    async with (
        orchestrator_started(settings, machine_clock) as server,
        open_channel(f"127.0.0.1:{server.port}", SERVICE_TOKEN) as channel,
    ):
        yield OrchestratorDoor(
            address=f"127.0.0.1:{server.port}",
            channel=channel,
            jobs=JobServiceStub(channel),
            dispatch=DispatchServiceStub(channel),
            workers=WorkerServiceStub(channel),
            definitions=DefinitionServiceStub(channel),
        )


def command_job(**changes: Any) -> job_service_pb2.CreateJobRequest:
    """A request for a job that needs no code."""
    fields: dict[str, Any] = {"kind": "command", "spec_json": '{"command": ["true"]}'}
    return job_service_pb2.CreateJobRequest(spec=job_pb2.JobSpec(**{**fields, **changes}))
