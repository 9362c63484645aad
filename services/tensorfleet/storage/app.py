"""The storage service, put together."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import grpc
import structlog

from tensorfleet.shared.background import running_beside
from tensorfleet.shared.clock import utc_now
from tensorfleet.shared.dependency_health import watch_dependencies
from tensorfleet.shared.grpc_server import GrpcServer, grpc_server_started
from tensorfleet.shared.metrics import RpcMetrics, metrics_served, new_registry
from tensorfleet.shared.mongo import Database, mongo_connected, ping
from tensorfleet.storage.artifact_servicer import ArtifactServicer
from tensorfleet.storage.checkpoint_servicer import CheckpointServicer
from tensorfleet.storage.dataset_servicer import DatasetServicer
from tensorfleet.storage.model_servicer import ModelRegistryServicer
from tensorfleet.storage.s3_object_store import s3_connected
from tensorfleet.storage.settings import StorageSettings
from tensorfleet.storage.store.artifacts import MongoArtifactStore
from tensorfleet.storage.store.checkpoints import MongoCheckpointStore
from tensorfleet.storage.store.datasets import MongoDatasetStore
from tensorfleet.storage.store.fences import MongoFenceStore
from tensorfleet.storage.store.indexes import ensure_indexes
from tensorfleet.storage.store.models import MongoModelStore
from tensorfleet.storage.upload_flow import UploadFlow
from tensorfleet.storage.upload_sweep import UploadSweep
from tensorfleet.storage.v1 import (
    artifact_service_pb2,
    artifact_service_pb2_grpc,
    checkpoint_service_pb2,
    checkpoint_service_pb2_grpc,
    dataset_service_pb2,
    dataset_service_pb2_grpc,
    model_registry_service_pb2,
    model_registry_service_pb2_grpc,
)

log = structlog.get_logger(__name__)

SERVICE_NAMES = tuple(
    service.full_name
    for door in (
        artifact_service_pb2,
        checkpoint_service_pb2,
        dataset_service_pb2,
        model_registry_service_pb2,
    )
    for service in door.DESCRIPTOR.services_by_name.values()
)


async def serve(settings: StorageSettings, stop: asyncio.Event) -> None:
    """Runs the service until `stop` is set."""
    async with storage_started(settings) as server:
        log.info("storage started", port=server.port)
        await stop.wait()
    log.info("storage stopped")


@asynccontextmanager
async def storage_started(settings: StorageSettings) -> AsyncIterator[GrpcServer]:
    """The service, answering, for as long as the block.

    Raises:
        Unavailable: MongoDB or S3 does not answer.
        InvalidInput: An address cannot be listened on, or is none.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(mongo_connected(settings))
        objects = await stack.enter_async_context(
            s3_connected(settings, threads=settings.storage_transfer_threads)
        )
        await ensure_indexes(database)
        await objects.ensure_bucket()
        artifacts = MongoArtifactStore(database)
        uploads = UploadFlow(
            store=artifacts,
            objects=objects,
            clock=utc_now,
            upload_ttl=timedelta(seconds=settings.upload_ttl_seconds),
            url_ttl=timedelta(seconds=settings.url_ttl_seconds),
            part_bytes=settings.upload_part_bytes,
        )
        stack.push_async_callback(uploads.close)
        sweep = UploadSweep(
            store=artifacts, objects=objects, clock=utc_now, finished=uploads.finished
        )
        registry = new_registry()
        stack.enter_context(metrics_served(settings.storage_metrics_listen, registry))
        server = await stack.enter_async_context(
            grpc_server_started(
                listen=settings.storage_listen,
                service_token=settings.service_token,
                add_servicers=_servicers(database, artifacts, uploads),
                service_names=SERVICE_NAMES,
                metrics=RpcMetrics(registry, "storage"),
                grace_seconds=settings.shutdown_grace_seconds,
            )
        )
        checks = {"mongodb": lambda: ping(database), "s3": objects.check}
        await stack.enter_async_context(
            running_beside(
                watch_dependencies(server, checks), sweep.clean_finished(), sweep.sweep_expired()
            )
        )
        yield server


def _servicers(
    database: Database, artifacts: MongoArtifactStore, uploads: UploadFlow
) -> list[Callable[[grpc.aio.Server], None]]:
    fences = MongoFenceStore(database)
    artifact_servicer = ArtifactServicer(store=artifacts, uploads=uploads)
    dataset_servicer = DatasetServicer(
        artifacts=artifacts, datasets=MongoDatasetStore(database), clock=utc_now
    )
    checkpoint_servicer = CheckpointServicer(
        artifacts=artifacts,
        fences=fences,
        checkpoints=MongoCheckpointStore(database),
        clock=utc_now,
    )
    model_servicer = ModelRegistryServicer(
        artifacts=artifacts, fences=fences, models=MongoModelStore(database), clock=utc_now
    )
    return [
        lambda server: artifact_service_pb2_grpc.add_ArtifactServiceServicer_to_server(
            artifact_servicer, server
        ),
        lambda server: dataset_service_pb2_grpc.add_DatasetServiceServicer_to_server(
            dataset_servicer, server
        ),
        lambda server: checkpoint_service_pb2_grpc.add_CheckpointServiceServicer_to_server(
            checkpoint_servicer, server
        ),
        lambda server: model_registry_service_pb2_grpc.add_ModelRegistryServiceServicer_to_server(
            model_servicer, server
        ),
    ]
