"""The inference service, put together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
import structlog

from tensorfleet.inference.loaded_models import LoadedModels
from tensorfleet.inference.model_files import ModelFiles
from tensorfleet.inference.prediction_servicer import PredictionServicer
from tensorfleet.inference.predictor import Predictor
from tensorfleet.inference.registry import StorageRegistry
from tensorfleet.inference.settings import InferenceSettings
from tensorfleet.inference.torch_runtime import TorchRuntime
from tensorfleet.inference.v1 import prediction_service_pb2, prediction_service_pb2_grpc
from tensorfleet.shared.background import running_beside
from tensorfleet.shared.clock import utc_now
from tensorfleet.shared.dependency_health import check_grpc_health, watch_dependencies
from tensorfleet.shared.errors import Unavailable
from tensorfleet.shared.grpc_client import open_channel
from tensorfleet.shared.grpc_server import GrpcServer, grpc_server_started
from tensorfleet.shared.metrics import RpcMetrics, metrics_served, new_registry

log = structlog.get_logger(__name__)

SERVICE_NAMES = tuple(
    service.full_name for service in prediction_service_pb2.DESCRIPTOR.services_by_name.values()
)


async def serve(settings: InferenceSettings, stop: asyncio.Event) -> None:
    """Runs the service until `stop` is set."""
    async with inference_started(settings) as server:
        log.info("inference started", port=server.port)
        await stop.wait()
    log.info("inference stopped")


@asynccontextmanager
async def inference_started(settings: InferenceSettings) -> AsyncIterator[GrpcServer]:
    """The service, answering, for as long as the block. Storage may come later.

    Raises:
        InvalidInput: An address cannot be listened on.
    """
    async with AsyncExitStack() as stack:
        channel = open_channel(settings.storage_address, settings.service_token)
        await stack.enter_async_context(channel)
        registry = StorageRegistry(channel)
        runtime = TorchRuntime(compute_threads=settings.inference_compute_threads)
        stack.push_async_callback(runtime.close)
        files = ModelFiles(
            settings.cache_folder,
            max_bytes=settings.inference_cache_bytes,
            sign_files=registry.sign_files,
        )
        models = LoadedModels(
            files=files.fetched,
            runtime=runtime,
            clock=utc_now,
            max_count=settings.inference_max_loaded_models,
            max_bytes=settings.inference_max_loaded_bytes,
        )
        stack.push_async_callback(models.close)
        servicer = PredictionServicer(
            predictor=Predictor(registry=registry, models=models, runtime=runtime), models=models
        )
        metrics = new_registry()
        stack.enter_context(metrics_served(settings.inference_metrics_listen, metrics))
        server = await stack.enter_async_context(
            grpc_server_started(
                listen=settings.inference_listen,
                service_token=settings.service_token,
                add_servicers=[
                    lambda server: (
                        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
                            servicer, server
                        )
                    )
                ],
                service_names=SERVICE_NAMES,
                metrics=RpcMetrics(metrics, "inference"),
                grace_seconds=settings.shutdown_grace_seconds,
            )
        )
        checks = {"storage": lambda: _check_storage(channel)}
        await stack.enter_async_context(running_beside(watch_dependencies(server, checks)))
        yield server


async def _check_storage(channel: grpc.aio.Channel) -> None:
    if not await check_grpc_health(channel):
        raise Unavailable("storage says that it is not healthy; see its logs")
