"""Builds the orchestrator and runs it until it is told to stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from tensorfleet.orchestrator.dispatch_servicer import DispatchServicer
from tensorfleet.orchestrator.dispatcher import Dispatcher
from tensorfleet.orchestrator.event_watch import EventWatch
from tensorfleet.orchestrator.job_servicer import JobServicer
from tensorfleet.orchestrator.lifecycle import JobLifecycle
from tensorfleet.orchestrator.queue import TaskQueue
from tensorfleet.orchestrator.reconciler import Reconciler
from tensorfleet.orchestrator.settings import OrchestratorSettings
from tensorfleet.orchestrator.signals import Listeners, Signals
from tensorfleet.orchestrator.store.mongo_store import MongoOrchestratorStore
from tensorfleet.orchestrator.v1 import (
    dispatch_service_pb2_grpc,
    job_service_pb2_grpc,
    worker_service_pb2_grpc,
)
from tensorfleet.orchestrator.worker_servicer import WorkerServicer
from tensorfleet.shared import mongo
from tensorfleet.shared.background import running_beside
from tensorfleet.shared.clock import utc_now
from tensorfleet.shared.dependency_health import watch_dependencies
from tensorfleet.shared.grpc_server import GrpcServer, grpc_server_started
from tensorfleet.shared.metrics import RpcMetrics, metrics_served, new_registry
from tensorfleet.shared.redis_connection import ping, redis_connected

SERVICE_NAMES = [
    "tensorfleet.orchestrator.v1.JobService",
    "tensorfleet.orchestrator.v1.DispatchService",
    "tensorfleet.orchestrator.v1.WorkerService",
]

log = structlog.get_logger(__name__)


async def serve(settings: OrchestratorSettings, stop: asyncio.Event) -> None:
    """Runs the orchestrator until `stop` is set."""
    async with orchestrator_started(settings) as server:
        log.info("orchestrator started", port=server.port)
        await stop.wait()
    log.info("orchestrator stopped")


@asynccontextmanager
async def orchestrator_started(settings: OrchestratorSettings) -> AsyncIterator[GrpcServer]:
    """The orchestrator, answering, for as long as the block.

    Raises:
        Unavailable: MongoDB does not answer.
        InvalidInput: An address cannot be listened on, or is none.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(mongo.mongo_connected(settings))
        redis = await stack.enter_async_context(redis_connected(settings))
        registry = new_registry()
        store = MongoOrchestratorStore(database)
        await store.ensure_indexes()
        queue = TaskQueue(redis, settings.lease)
        signals = Signals(redis)
        lifecycle = JobLifecycle(store, queue, signals, utc_now)
        dispatcher = Dispatcher(queue, lifecycle)
        watch = EventWatch(store)
        reconciler = Reconciler(store, queue, lifecycle, signals, utc_now)

        job_servicer = JobServicer(store, lifecycle, watch)
        worker_servicer = WorkerServicer(store, queue, settings.lease, utc_now)
        dispatch_servicer = DispatchServicer(
            store,
            lifecycle,
            dispatcher,
            utc_now,
            lease=settings.lease,
            renew_interval=settings.renew_interval,
        )
        server = await stack.enter_async_context(
            grpc_server_started(
                listen=settings.orchestrator_listen,
                service_token=settings.service_token,
                add_servicers=[
                    lambda s: job_service_pb2_grpc.add_JobServiceServicer_to_server(
                        job_servicer, s
                    ),
                    lambda s: worker_service_pb2_grpc.add_WorkerServiceServicer_to_server(
                        worker_servicer, s
                    ),
                    lambda s: dispatch_service_pb2_grpc.add_DispatchServiceServicer_to_server(
                        dispatch_servicer, s
                    ),
                ],
                service_names=SERVICE_NAMES,
                metrics=RpcMetrics(registry, "orchestrator"),
                grace_seconds=settings.shutdown_grace_seconds,
            )
        )
        stack.enter_context(metrics_served(settings.orchestrator_metrics_listen, registry))
        listeners = Listeners(
            on_tasks_ready=dispatcher.look,
            on_events_added=watch.nudge,
            on_stop_asked=dispatcher.stop_attempt,
        )
        checks = {"mongodb": lambda: mongo.ping(database), "redis": lambda: ping(redis)}
        await stack.enter_async_context(
            running_beside(
                dispatcher.run(),
                reconciler.run(),
                signals.listen(listeners),
                watch_dependencies(server, checks),
            )
        )
        # Workers go to another replica at once instead of holding the stop up.
        stack.callback(dispatcher.close_sessions)
        yield server
