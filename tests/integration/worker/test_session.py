"""A worker's session with an orchestrator that the test plays."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest

from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import resources_pb2, task_pb2
from tensorfleet.orchestrator.v1.dispatch_service_pb2_grpc import (
    DispatchServiceServicer,
    add_DispatchServiceServicer_to_server,
)
from tensorfleet.shared.errors import CheckpointNotFound, TensorFleetError, WorkerNameTaken
from tensorfleet.shared.grpc_client import open_channel
from tensorfleet.shared.grpc_errors import STATUS_DETAILS_KEY, encode_details, status_of
from tensorfleet.storage.v1.checkpoint_service_pb2_grpc import (
    CheckpointServiceServicer,
    add_CheckpointServiceServicer_to_server,
)
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
from tests.deadlines import eventually

LEASE_SECONDS = 0.5
RENEW_SECONDS = 0.1
TOKEN = "a-token-of-the-tests-0123456789-0123456789"


class PlayedCheckpoints(CheckpointServiceServicer):
    """Has none."""

    async def AcquireLatestCheckpoint(self, request: Any, context: Any) -> Any:
        """See the contract."""
        await _refuse(context, CheckpointNotFound("there is none"))


class PlayedOrchestrator(DispatchServiceServicer):
    """Registers workers, answers renewals when it is told to, and has one task to give."""

    def __init__(self) -> None:
        self.registered: list[pb.Register] = []
        self.renewals: list[pb.LeaseRenewal] = []
        self.is_answering = True
        self.refuse_registrations = 0
        self.command = ""
        self.finished: asyncio.Future[pb.AttemptFinished] = asyncio.Future()

    async def Session(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:
        """See the contract."""
        async for request in request_iterator:
            for record in request.records:
                match record.WhichOneof("record"):
                    case "register":
                        if self.refuse_registrations:
                            self.refuse_registrations -= 1
                            await _refuse(context, WorkerNameTaken("the name w is taken"))
                        self.registered.append(record.register)
                        registered = pb.Registered()
                        registered.lease_duration.FromMilliseconds(int(LEASE_SECONDS * 1000))
                        registered.renew_interval.FromMilliseconds(int(RENEW_SECONDS * 1000))
                        yield _response(registered=registered)
                    case "credit" if self.command:
                        yield _response(assignment=_assignment(self.command))
                        self.command = ""
                    case "events":
                        stop = pb.StopAttempt(
                            ref=record.events.ref, reason=pb.StopAttempt.REASON_PREEMPTED
                        )
                        stop.grace.FromSeconds(10)
                        yield _response(stop=stop)
                        through = record.events.first_source_sequence
                        through += len(record.events.events) - 1
                        recorded = pb.EventsRecorded(
                            ref=record.events.ref, through_source_sequence=through
                        )
                        yield _response(events_recorded=recorded)
                    case "finished":
                        if not self.finished.done():
                            self.finished.set_result(record.finished)
                        answer = pb.FinishRecorded(ref=record.finished.ref, is_accepted=True)
                        yield _response(finish_recorded=answer)
                    case "renewal":
                        self.renewals.append(record.renewal)
                        if self.is_answering:
                            number = record.renewal.number
                            yield _response(leases_renewed=pb.LeasesRenewed(number=number))


async def _refuse(context: Any, error: TensorFleetError) -> None:
    context.set_trailing_metadata(((STATUS_DETAILS_KEY, encode_details(error)),))
    await context.abort(status_of(error), str(error))


def _assignment(command: str) -> pb.Assignment:
    plan = {"payload": {"words": [command], "is_shell_line": True}}
    task = pb.AssignedTask(
        ref=pb.AttemptRef(task_id="job-1-0", attempt=1), task_json=json.dumps(plan)
    )
    return pb.Assignment(
        tasks=[task], job_id="job-1", kind="command", owner="a", project="p", job_name="j"
    )


def _response(**record: Any) -> pb.SessionResponse:
    return pb.SessionResponse(records=[pb.OrchestratorRecord(**record)])


@pytest.fixture
async def orchestrator() -> AsyncIterator[tuple[PlayedOrchestrator, str]]:
    played = PlayedOrchestrator()
    server = grpc.aio.server()
    add_DispatchServiceServicer_to_server(played, server)
    add_CheckpointServiceServicer_to_server(PlayedCheckpoints(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield played, f"127.0.0.1:{port}"
    await server.stop(grace=0)


@asynccontextmanager
async def agent_running(address: str, folder: Path) -> AsyncIterator["asyncio.Task[None]"]:
    async with AsyncExitStack() as stack:
        channel = await stack.enter_async_context(open_channel(address, TOKEN))
        storage = StorageDoor(channel)
        surroundings = Surroundings(
            worker_name="w",
            attempts_folder=folder / "attempts",
            cache=ArtifactCache(folder / "cache", storage, 0),
            storage=storage,
            fleet=FleetDoor(channel, "w", PeerHost("127.0.0.1", "")),
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
        offer = Offer(name="w", capacity=resources_pb2.Resources(cpus=1), slots=1)
        hosts = HostLimits(processes=1, tasks_a_process=1, idle_seconds=0)
        agent = Agent(offer, channel, surroundings, hosts, MachineUsage(0))
        running = asyncio.create_task(agent.run())
        yield running
        await eventually(lambda: agent.running_count == 0)
        running.cancel()
        with suppress(asyncio.CancelledError, WorkerNameTaken):
            await running


async def test_renewals_are_numbered_and_tell_what_was_answered(
    orchestrator: tuple[PlayedOrchestrator, str], tmp_path: Path
) -> None:
    played, address = orchestrator
    async with agent_running(address, tmp_path):
        await eventually(lambda: len(played.renewals) >= 10)
    assert [r.number for r in played.renewals[:10]] == list(range(1, 11))
    assert played.renewals[9].answered_number >= 8
    # Answered every time, the session lasts, also for longer than a lease.
    assert len(played.registered) == 1


async def test_worker_whose_renewals_are_not_answered_connects_again(
    orchestrator: tuple[PlayedOrchestrator, str], tmp_path: Path
) -> None:
    played, address = orchestrator
    played.is_answering = False
    async with agent_running(address, tmp_path):
        await eventually(lambda: len(played.registered) >= 2)
        played.is_answering = True
        count = len(played.renewals)
        await eventually(lambda: len(played.renewals) > count + 10)
        assert played.renewals[-1].answered_number > 0
    assert len({r.instance_id for r in played.registered}) == 1


async def test_worker_whose_name_is_taken_for_a_moment_gets_it(
    orchestrator: tuple[PlayedOrchestrator, str], tmp_path: Path
) -> None:
    played, address = orchestrator
    played.refuse_registrations = 2
    async with agent_running(address, tmp_path) as running:
        await eventually(lambda: len(played.registered) == 1)
        assert not running.done()


async def test_worker_whose_name_stays_taken_gives_up_and_says_why(
    orchestrator: tuple[PlayedOrchestrator, str], tmp_path: Path
) -> None:
    played, address = orchestrator
    async with agent_running(address, tmp_path) as running:
        # It learns how long a lease is; then its name goes to another.
        await eventually(lambda: len(played.registered) == 1)
        played.refuse_registrations = 1_000_000
        played.is_answering = False
        with pytest.raises(WorkerNameTaken, match="the name w is taken"):
            async with asyncio.timeout(20):
                await running


async def test_worker_tells_what_is_in_its_cache_newest_first(
    orchestrator: tuple[PlayedOrchestrator, str], tmp_path: Path
) -> None:
    played, address = orchestrator
    for number, name in enumerate(("old", "new", ".fetch-partial")):
        folder = tmp_path / "cache" / name
        folder.mkdir(parents=True)
        os.utime(folder, (number, number))
    async with agent_running(address, tmp_path):
        await eventually(lambda: len(played.registered) == 1)
    assert list(played.registered[0].cached_artifact_ids) == ["new", "old"]


@pytest.mark.parametrize(
    "command",
    ["echo ready; sleep 1000", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done"],
    ids=["that is killed", "that saves and exits well"],
)
async def test_preempted_task_has_not_finished_however_it_exits(
    orchestrator: tuple[PlayedOrchestrator, str], tmp_path: Path, command: str
) -> None:
    played, address = orchestrator
    played.command = command
    async with agent_running(address, tmp_path), asyncio.timeout(30):
        finished = await played.finished
    assert finished.outcome == task_pb2.ATTEMPT_OUTCOME_PREEMPTED
    assert finished.failure.reason == "PREEMPTED"


async def test_task_that_has_finished_before_it_is_stopped_has_succeeded(
    orchestrator: tuple[PlayedOrchestrator, str], tmp_path: Path
) -> None:
    played, address = orchestrator
    # It says nothing while it runs, so nobody stops it.
    played.command = "true"
    async with agent_running(address, tmp_path), asyncio.timeout(30):
        finished = await played.finished
    assert finished.outcome == task_pb2.ATTEMPT_OUTCOME_SUCCEEDED
