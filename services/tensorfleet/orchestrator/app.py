"""Builds the orchestrator and runs it until it is told to stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import structlog

from tensorfleet.orchestrator.backlog import Backlog
from tensorfleet.orchestrator.definition_servicer import DefinitionServicer
from tensorfleet.orchestrator.dispatch_servicer import DispatchServicer
from tensorfleet.orchestrator.dispatcher import Dispatcher
from tensorfleet.orchestrator.event_watch import EventWatch
from tensorfleet.orchestrator.explainer import Explainer
from tensorfleet.orchestrator.fleet_clock import FleetClock
from tensorfleet.orchestrator.fleet_view import FleetView
from tensorfleet.orchestrator.job_control import JobControl
from tensorfleet.orchestrator.job_servicer import JobServicer
from tensorfleet.orchestrator.lifecycle import JobLifecycle
from tensorfleet.orchestrator.peer_meetings import PeerMeetings
from tensorfleet.orchestrator.quarantine import QuarantineWatch
from tensorfleet.orchestrator.queue.reservation_store import ReservationStore
from tensorfleet.orchestrator.queue.task_queue import TaskQueue
from tensorfleet.orchestrator.reconciler import Reconciler
from tensorfleet.orchestrator.room_keeper import RoomKeeper
from tensorfleet.orchestrator.scheduling.placement import Policy
from tensorfleet.orchestrator.settings import OrchestratorSettings
from tensorfleet.orchestrator.signals import Listeners, Signals
from tensorfleet.orchestrator.store.mongo_definitions import MongoDefinitionStore
from tensorfleet.orchestrator.store.mongo_store import MongoOrchestratorStore
from tensorfleet.orchestrator.v1 import (
    definition_service_pb2_grpc,
    dispatch_service_pb2_grpc,
    job_service_pb2_grpc,
    worker_service_pb2_grpc,
)
from tensorfleet.orchestrator.waiting_notices import WaitingNotices
from tensorfleet.orchestrator.worker_names import WorkerNames
from tensorfleet.orchestrator.worker_servicer import WorkerServicer
from tensorfleet.orchestrator.worker_usage import WorkerUsage
from tensorfleet.orchestrator.worker_watch import WorkerWatch
from tensorfleet.shared import mongo
from tensorfleet.shared.background import running_beside
from tensorfleet.shared.clock import Clock, utc_now
from tensorfleet.shared.dependency_health import watch_dependencies
from tensorfleet.shared.grpc_server import GrpcServer, grpc_server_started
from tensorfleet.shared.metrics import RpcMetrics, metrics_served, new_registry
from tensorfleet.shared.redis_connection import ping, redis_connected

SERVICE_NAMES = [
    "tensorfleet.orchestrator.v1.JobService",
    "tensorfleet.orchestrator.v1.DispatchService",
    "tensorfleet.orchestrator.v1.WorkerService",
    "tensorfleet.orchestrator.v1.DefinitionService",
]

log = structlog.get_logger(__name__)


async def serve(settings: OrchestratorSettings, stop: asyncio.Event) -> None:
    """Runs the orchestrator until `stop` is set."""
    async with orchestrator_started(settings) as server:
        log.info("orchestrator started", port=server.port)
        await stop.wait()
    log.info("orchestrator stopped")


@asynccontextmanager
async def orchestrator_started(
    settings: OrchestratorSettings, machine_clock: Clock = utc_now
) -> AsyncIterator[GrpcServer]:
    """The orchestrator, answering, for as long as the block.

    Raises:
        Unavailable: MongoDB does not answer.
        InvalidInput: An address cannot be listened on, or is none.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(mongo.mongo_connected(settings))
        redis = await stack.enter_async_context(redis_connected(settings))
        registry = new_registry()
        clock = FleetClock(machine_clock)
        store = MongoOrchestratorStore(
            database, keep_events_for=timedelta(days=settings.keep_events_days), clock=clock
        )
        await store.ensure_indexes()
        definitions = MongoDefinitionStore(database)
        await definitions.ensure_indexes()
        stack.push_async_callback(store.flush)
        policy = Policy(settings.placement_policy)
        ageing_step = timedelta(minutes=settings.ageing_minutes)
        queue = TaskQueue(
            redis,
            settings.lease,
            project_quota=settings.project_quota,
            user_quota=settings.user_quota,
        )
        await clock.set_right(queue)
        signals = Signals(redis)
        backlog = Backlog(store, queue, signals, clock, policy)
        stack.push_async_callback(backlog.flush)
        lifecycle = JobLifecycle(store, queue, backlog, signals, clock)
        stack.push_async_callback(lifecycle.flush)
        dispatcher = Dispatcher(
            store, queue, lifecycle, clock, policy=policy, ageing_step=ageing_step
        )
        fleet = FleetView(
            redis,
            store,
            clock,
            settings.lease,
            refuses_impossible=settings.refuse_impossible_jobs,
        )
        rooms = RoomKeeper(
            ReservationStore(redis),
            queue,
            fleet,
            dispatcher,
            lifecycle,
            signals,
            clock,
            policy=policy,
            ageing_step=ageing_step,
        )
        dispatcher.reserve = rooms.after_reservations
        dispatcher.on_room_freed = rooms.room_freed
        quarantine = QuarantineWatch(store, queue, signals, clock, settings.lease)
        workers = WorkerWatch(store, dispatcher, quarantine)
        watch = EventWatch(store)
        store.tell_events(watch.recorded)
        reconciler = Reconciler(
            store,
            queue,
            backlog,
            lifecycle,
            signals,
            clock,
            keep_event_bytes=settings.keep_events_bytes,
        )

        explainer = Explainer(store, queue, backlog, fleet, rooms, clock)
        notices = WaitingNotices(redis, queue, explainer, rooms, lifecycle, clock)
        job_servicer = JobServicer(
            store,
            JobControl(store, definitions, lifecycle, backlog, fleet, clock),
            explainer,
            watch,
        )
        usage = WorkerUsage(redis)
        worker_servicer = WorkerServicer(store, queue, signals, settings.lease, clock, usage)
        definition_servicer = DefinitionServicer(definitions, clock)
        dispatch_servicer = DispatchServicer(
            store,
            lifecycle,
            dispatcher,
            WorkerNames(redis, settings.lease),
            fleet,
            quarantine,
            clock,
            lease=settings.lease,
            renew_interval=settings.renew_interval,
            meetings=PeerMeetings(store),
            usage=usage,
        )
        signals.listen(
            Listeners(
                on_tasks_ready=dispatcher.look,
                on_events_added=watch.nudge,
                on_stop_asked=dispatcher.stop_attempt,
                on_worker_changed=workers.look_at,
                on_room_changed=rooms.look,
                on_placed=dispatcher.place,
            )
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
                    lambda s: definition_service_pb2_grpc.add_DefinitionServiceServicer_to_server(
                        definition_servicer, s
                    ),
                ],
                service_names=SERVICE_NAMES,
                metrics=RpcMetrics(registry, "orchestrator"),
                grace_seconds=settings.shutdown_grace_seconds,
            )
        )
        stack.enter_context(metrics_served(settings.orchestrator_metrics_listen, registry))
        checks = {"mongodb": lambda: mongo.ping(database), "redis": lambda: ping(redis)}
        await stack.enter_async_context(
            running_beside(
                dispatcher.run(),
                reconciler.run(),
                signals.run_sending(),
                signals.run_receiving(),
                rooms.run(),
                workers.run(),
                notices.run(),
                fleet.run(dispatcher.sessions.values),
                clock.run(queue),
                watch_dependencies(server, checks),
            )
        )
        # Workers go to another replica at once instead of holding the stop up.
        stack.callback(dispatcher.close_sessions)
        yield server
