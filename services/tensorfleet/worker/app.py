"""Builds the worker and runs it until it is told to stop."""

import asyncio
import zlib
from contextlib import AsyncExitStack
from pathlib import Path

import structlog
from prometheus_client import Gauge

from tensorfleet.orchestrator.v1 import resources_pb2
from tensorfleet.shared.background import running_beside
from tensorfleet.shared.grpc_client import open_channel
from tensorfleet.shared.metrics import metrics_served, new_registry
from tensorfleet.worker.agent import Agent, Offer
from tensorfleet.worker.artifact_cache import ArtifactCache
from tensorfleet.worker.attempt import Surroundings
from tensorfleet.worker.attempt_limits import AttemptLimits
from tensorfleet.worker.cgroup import CgroupHome
from tensorfleet.worker.fleet_door import FleetDoor
from tensorfleet.worker.host_pool import HostLimits
from tensorfleet.worker.leftovers import sweep_leftovers
from tensorfleet.worker.machine_usage import MachineUsage
from tensorfleet.worker.peer_host import PeerHost
from tensorfleet.worker.process_group import mark_processes
from tensorfleet.worker.process_tree import ProcessTable
from tensorfleet.worker.settings import WorkerSettings
from tensorfleet.worker.storage_door import StorageDoor
from tensorfleet.worker.warm_pool import WarmPool

log = structlog.get_logger(__name__)


async def serve(settings: WorkerSettings, stop: asyncio.Event) -> None:
    """Runs the worker; on `stop` it drains: tasks checkpoint and are handed back."""
    async with AsyncExitStack() as stack:
        orchestrator = open_channel(settings.orchestrator_address, settings.service_token)
        stack.push_async_callback(orchestrator.close)
        storage_channel = open_channel(settings.storage_address, settings.service_token)
        stack.push_async_callback(storage_channel.close)
        storage = StorageDoor(storage_channel)
        data = settings.worker_data_dir.absolute()
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        cgroups = _find_cgroups(settings.worker_name, data)
        if cgroups is not None:
            stack.callback(cgroups.close)
        sweep_leftovers(data, data / "attempts", cgroups)
        mark_processes(data)
        warm_pool = WarmPool(settings.worker_warm_idle_seconds)
        surroundings = Surroundings(
            worker_name=settings.worker_name,
            attempts_folder=data / "attempts",
            cache=ArtifactCache(data / "cache", storage, settings.worker_cache_bytes),
            storage=storage,
            fleet=FleetDoor(
                orchestrator,
                settings.worker_name,
                PeerHost(settings.worker_peer_host, settings.orchestrator_address),
            ),
            warm_pool=warm_pool,
            limits=_limits(settings),
            processes=ProcessTable(),
            cgroups=cgroups,
        )
        usage = MachineUsage(settings.worker_usage_seconds)
        agent = Agent(_offer(settings), orchestrator, surroundings, _host_limits(settings), usage)
        stack.push_async_callback(warm_pool.close)
        stack.push_async_callback(agent.close)
        registry = new_registry()
        running = Gauge(
            "tensorfleet_worker_attempts_running", "Attempts that run here", registry=registry
        )
        running.set_function(lambda: agent.running_count)
        attached = Gauge(
            "tensorfleet_worker_session_attached",
            "1 while a session with an orchestrator stands",
            registry=registry,
        )
        attached.set_function(lambda: float(agent.is_attached))
        stack.enter_context(metrics_served(settings.worker_metrics_listen, registry))
        async with running_beside(
            agent.run(), agent.hosts.watch(), warm_pool.close_idle(), usage.run()
        ):
            log.info("worker started", worker_id=settings.worker_name)
            await stop.wait()
            await agent.drain(settings.worker_drain_grace_seconds)
        log.info("worker stopped")


def _limits(settings: WorkerSettings) -> AttemptLimits:
    return AttemptLimits(
        memory_tolerance=settings.worker_memory_tolerance,
        disk_bytes=settings.worker_task_disk_bytes,
        open_files=settings.worker_task_open_files,
        output_bytes=settings.worker_output_bytes,
        silence_seconds=settings.worker_silence_seconds,
    )


def _find_cgroups(worker_name: str, data_folder: Path) -> CgroupHome | None:
    # Workers of one name, of different fleets, may share a machine; a folder they cannot.
    return CgroupHome.find(f"{worker_name}-{zlib.crc32(bytes(data_folder)):08x}")


def _host_limits(settings: WorkerSettings) -> HostLimits:
    return HostLimits(
        processes=settings.worker_shared_processes or 4 * max(1, round(settings.worker_cpus)),
        tasks_a_process=settings.worker_shared_process_tasks,
        idle_seconds=settings.worker_warm_idle_seconds,
    )


def _offer(settings: WorkerSettings) -> Offer:
    return Offer(
        name=settings.worker_name,
        slots=settings.worker_slots,
        capacity=resources_pb2.Resources(
            cpus=settings.worker_cpus,
            memory_bytes=settings.worker_memory_bytes,
            gpus=settings.worker_gpus,
            gpu_kind=settings.worker_gpu_kind,
        ),
    )
