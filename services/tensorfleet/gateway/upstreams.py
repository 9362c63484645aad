"""The services behind the gateway: one channel each, opened once, and the stubs on them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc

from tensorfleet.gateway.settings import GatewaySettings
from tensorfleet.inference.v1 import prediction_service_pb2_grpc
from tensorfleet.orchestrator.v1 import (
    definition_service_pb2_grpc,
    job_service_pb2_grpc,
    worker_service_pb2_grpc,
)
from tensorfleet.shared.grpc_client import NARROW_STREAMS, open_channel
from tensorfleet.storage.v1 import (
    artifact_service_pb2_grpc,
    checkpoint_service_pb2_grpc,
    dataset_service_pb2_grpc,
    model_registry_service_pb2_grpc,
)

if TYPE_CHECKING:  # the asyncio stubs exist for type checkers only
    from tensorfleet.inference.v1.prediction_service_pb2_grpc import PredictionServiceAsyncStub
    from tensorfleet.orchestrator.v1.definition_service_pb2_grpc import (
        DefinitionServiceAsyncStub,
    )
    from tensorfleet.orchestrator.v1.job_service_pb2_grpc import JobServiceAsyncStub
    from tensorfleet.orchestrator.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub
    from tensorfleet.storage.v1.artifact_service_pb2_grpc import ArtifactServiceAsyncStub
    from tensorfleet.storage.v1.checkpoint_service_pb2_grpc import CheckpointServiceAsyncStub
    from tensorfleet.storage.v1.dataset_service_pb2_grpc import DatasetServiceAsyncStub
    from tensorfleet.storage.v1.model_registry_service_pb2_grpc import ModelRegistryServiceAsyncStub


@dataclass(frozen=True, kw_only=True)
class Upstreams:
    """Channels for health checks, stubs for requests."""

    orchestrator: grpc.aio.Channel
    storage: grpc.aio.Channel
    inference: grpc.aio.Channel
    monitoring: grpc.aio.Channel
    jobs: "JobServiceAsyncStub"
    workers: "WorkerServiceAsyncStub"
    definitions: "DefinitionServiceAsyncStub"
    artifacts: "ArtifactServiceAsyncStub"
    checkpoints: "CheckpointServiceAsyncStub"
    datasets: "DatasetServiceAsyncStub"
    models: "ModelRegistryServiceAsyncStub"
    predictions: "PredictionServiceAsyncStub"


@asynccontextmanager
async def upstreams_opened(settings: GatewaySettings) -> AsyncIterator[Upstreams]:
    """The upstreams, for as long as the block runs; nothing needs to be up yet."""
    async with AsyncExitStack() as stack:

        async def channel(address: str, *options: tuple[str, Any]) -> grpc.aio.Channel:
            opened = open_channel(address, settings.service_token, options)
            return await stack.enter_async_context(opened)

        orchestrator = await channel(settings.orchestrator_address, *NARROW_STREAMS)
        storage = await channel(settings.storage_address)
        inference = await channel(settings.inference_address)
        yield Upstreams(
            orchestrator=orchestrator,
            storage=storage,
            inference=inference,
            monitoring=await channel(settings.monitoring_address),
            jobs=job_service_pb2_grpc.JobServiceStub(orchestrator),
            workers=worker_service_pb2_grpc.WorkerServiceStub(orchestrator),
            definitions=definition_service_pb2_grpc.DefinitionServiceStub(orchestrator),
            artifacts=artifact_service_pb2_grpc.ArtifactServiceStub(storage),
            checkpoints=checkpoint_service_pb2_grpc.CheckpointServiceStub(storage),
            datasets=dataset_service_pb2_grpc.DatasetServiceStub(storage),
            models=model_registry_service_pb2_grpc.ModelRegistryServiceStub(storage),
            predictions=prediction_service_pb2_grpc.PredictionServiceStub(inference),
        )
