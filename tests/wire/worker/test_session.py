"""The worker's side of a session, against an orchestrator that goes away and comes back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest

from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import dispatch_service_pb2_grpc, resources_pb2
from tensorfleet.shared.grpc_client import open_channel
from tensorfleet.worker.agent import Agent, Offer
from tensorfleet.worker.artifact_cache import ArtifactCache
from tensorfleet.worker.attempt import Surroundings
from tensorfleet.worker.attempt_limits import AttemptLimits
from tensorfleet.worker.fleet_door import FleetDoor
from tensorfleet.worker.host_pool import HostLimits
from tensorfleet.worker.machine_usage import MachineUsage
from tensorfleet.worker.peer_host import PeerHost
from tensorfleet.worker.process_tree import ProcessTable
from tensorfleet.worker.storage_door import StorageDoor
from tensorfleet.worker.warm_pool import WarmPool

TOKEN = "a-token-that-only-the-tests-know-0123456789"
SLOTS = 3
PATIENCE_SECONDS = 10

Connect = Callable[[int], Awaitable[Agent]]


class ListeningOrchestrator(dispatch_service_pb2_grpc.DispatchServiceServicer):
    """Registers every worker, gives no task, and hears everything."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[pb.WorkerRecord] = asyncio.Queue()

    async def Session(
        self, request_iterator: AsyncIterator[pb.SessionRequest], context: Any
    ) -> AsyncIterator[pb.SessionResponse]:
        """See the contract."""
        registered = pb.Registered()
        registered.renew_interval.FromSeconds(3600)
        yield pb.SessionResponse(records=[pb.OrchestratorRecord(registered=registered)])
        async for request in request_iterator:
            for record in request.records:
                self.heard.put_nowait(record)

    async def hear(self, record: str) -> pb.WorkerRecord:
        """The next record of this sort."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                heard = await self.heard.get()
                if heard.WhichOneof("record") == record:
                    return heard


@asynccontextmanager
async def listening(port: int = 0) -> AsyncIterator[tuple[ListeningOrchestrator, int]]:
    """An orchestrator and its port; at the end of the block it goes away without a word."""
    servicer = ListeningOrchestrator()
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    dispatch_service_pb2_grpc.add_DispatchServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield servicer, port
    finally:
        await server.stop(0)


@pytest.fixture
async def connected(tmp_path: Path) -> AsyncIterator[Connect]:
    """Runs an agent that connects to a port, until the end of the test."""
    async with AsyncExitStack() as stack:

        async def connect(port: int) -> Agent:
            channel = await stack.enter_async_context(open_channel(f"127.0.0.1:{port}", TOKEN))
            storage = StorageDoor(channel)
            surroundings = Surroundings(
                worker_name="w",
                attempts_folder=tmp_path / "attempts",
                cache=ArtifactCache(tmp_path / "cache", storage, 0),
                storage=storage,
                fleet=FleetDoor(channel, "w1", PeerHost("127.0.0.1", "")),
                warm_pool=WarmPool(0),
                limits=AttemptLimits(
                    memory_tolerance=1,
                    disk_bytes=0,
                    open_files=1024,
                    output_bytes=1024**2,
                    silence_seconds=0,
                ),
                processes=ProcessTable(),
                cgroups=None,
            )
            capacity = resources_pb2.Resources(cpus=1, memory_bytes=2**30)
            offer = Offer(name="w1", capacity=capacity, slots=SLOTS)
            hosts = HostLimits(processes=1, tasks_a_process=1, idle_seconds=0)
            agent = Agent(offer, channel, surroundings, hosts, MachineUsage(0))
            running = asyncio.create_task(agent.run())
            stack.push_async_callback(_cancelled, running)
            return agent

        yield connect


async def _cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_worker_tells_its_news_to_the_orchestrator_that_came_back(connected: Connect) -> None:
    async with listening() as (orchestrator, port):
        agent = await connected(port)
        assert (await orchestrator.hear("credit")).credit.slots == SLOTS
    async with listening(port) as (orchestrator, _):
        assert (await orchestrator.hear("register")).register.worker_id == "w1"
        assert (await orchestrator.hear("credit")).credit.slots == SLOTS
        await agent.drain(0)
        await orchestrator.hear("drain")
