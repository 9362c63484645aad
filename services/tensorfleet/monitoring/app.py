"""Builds monitoring and runs it until it is told to stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog

from tensorfleet.monitoring.board import HealthBoard
from tensorfleet.monitoring.health_metrics import HealthCollector
from tensorfleet.monitoring.looker import looker_opened
from tensorfleet.monitoring.servicer import MonitoringServicer
from tensorfleet.monitoring.settings import MonitoringSettings
from tensorfleet.monitoring.v1 import monitoring_service_pb2_grpc
from tensorfleet.monitoring.web import build_web
from tensorfleet.monitoring.web_server import web_served
from tensorfleet.shared.background import running_beside
from tensorfleet.shared.grpc_server import grpc_server_started
from tensorfleet.shared.metrics import RpcMetrics, metrics_served, new_registry

SERVICE_NAMES = ("tensorfleet.monitoring.v1.MonitoringService",)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringPorts:
    """Where a running monitoring answers."""

    grpc: int
    http: int


async def serve_monitoring(settings: MonitoringSettings, stop: asyncio.Event) -> None:
    """Runs monitoring until `stop` is set."""
    async with monitoring_started(settings) as ports:
        log.info("monitoring started", port=ports.grpc, http_port=ports.http)
        await stop.wait()
    log.info("monitoring stopped")


@asynccontextmanager
async def monitoring_started(settings: MonitoringSettings) -> AsyncIterator[MonitoringPorts]:
    """A running monitoring.

    Raises:
        InvalidInput: An address cannot be listened on.
    """
    async with AsyncExitStack() as stack:
        registry = new_registry()
        board = HealthBoard()
        registry.register(HealthCollector(board))
        servicer = MonitoringServicer(board)
        looker = await stack.enter_async_context(looker_opened(settings, board))
        server = await stack.enter_async_context(
            grpc_server_started(
                listen=settings.monitoring_listen,
                service_token=settings.service_token,
                add_servicers=[
                    lambda grpc_server: (
                        monitoring_service_pb2_grpc.add_MonitoringServiceServicer_to_server(
                            servicer, grpc_server
                        )
                    )
                ],
                service_names=SERVICE_NAMES,
                metrics=RpcMetrics(registry, "monitoring"),
                grace_seconds=settings.shutdown_grace_seconds,
            )
        )
        web = stack.enter_context(
            web_served(build_web(board, registry), settings.monitoring_http_listen)
        )
        stack.enter_context(metrics_served(settings.monitoring_metrics_listen, registry))
        await stack.enter_async_context(
            running_beside(looker.run(settings.monitoring_interval_seconds), web.watch())
        )
        yield MonitoringPorts(grpc=server.port, http=web.port)
