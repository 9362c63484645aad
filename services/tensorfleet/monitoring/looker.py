"""Looks at every part of the fleet, all at once, again and again."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import grpc
import structlog

from tensorfleet.monitoring.board import HealthBoard
from tensorfleet.monitoring.convert import to_worker_view
from tensorfleet.monitoring.gateway_check import ask_gateway, check_gateway_url
from tensorfleet.monitoring.health import (
    SERVICES,
    Answer,
    Snapshot,
    Status,
    WorkerView,
    judge,
    worst,
)
from tensorfleet.monitoring.settings import MonitoringSettings
from tensorfleet.orchestrator.v1 import worker_service_pb2, worker_service_pb2_grpc
from tensorfleet.shared.clock import utc_now
from tensorfleet.shared.dependency_health import check_grpc_health
from tensorfleet.shared.errors import TensorFleetError
from tensorfleet.shared.grpc_client import open_channel

if TYPE_CHECKING:
    from tensorfleet.orchestrator.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub

CHECK_TIMEOUT_SECONDS = 2.0

log = structlog.get_logger(__name__)


class Looker:
    """Asks every part how it is."""

    def __init__(
        self,
        *,
        channels: dict[str, grpc.aio.Channel],
        workers: "WorkerServiceAsyncStub",
        gateway_url: str,
        board: HealthBoard,
    ) -> None:
        self._channels = channels
        self._workers = workers
        self._gateway_url = gateway_url
        self._board = board
        self._workers_before: tuple[WorkerView, ...] = ()

    async def run(self, interval_seconds: float) -> None:
        """Looks for ever; each look ends in the board."""
        while True:
            started = time.monotonic()
            await self.look()
            left_seconds = interval_seconds - (time.monotonic() - started)
            await asyncio.sleep(max(0.0, left_seconds))

    async def look(self) -> None:
        """One look at everything; takes as long as the slowest answer, at most two seconds."""
        asked = [(service, "") for service in SERVICES]
        asked += [(service, name) for service, names in SERVICES.items() for name in names]
        async with asyncio.TaskGroup() as group:
            answers = {
                (service, name): group.create_task(self._ask_service(service, name))
                for service, name in asked
            }
            gateway = group.create_task(_timed(lambda: ask_gateway(self._gateway_url)))
            listing = group.create_task(self._list_workers())
        workers = listing.result()
        now = utc_now()
        told = {key: task.result() for key, task in answers.items()}
        components = judge(told, gateway.result(), workers, now)
        if workers is not None:
            self._workers_before = tuple(workers)
        snapshot = Snapshot(
            status=worst(components),
            components=components,
            workers=self._workers_before,
            time=now,
        )
        _log_changes(self._board.newest, snapshot)
        self._board.newest = snapshot

    async def _ask_service(self, service: str, name: str) -> Answer:
        return await _timed(lambda: check_grpc_health(self._channels[service], name))

    async def _list_workers(self) -> Sequence[WorkerView] | None:
        request = worker_service_pb2.ListWorkersRequest()
        try:
            listed = await self._workers.ListWorkers(request, timeout=CHECK_TIMEOUT_SECONDS)
        except TensorFleetError:
            return None
        return [to_worker_view(worker) for worker in listed.workers]


async def _timed(ask: Callable[[], Awaitable[bool]]) -> Answer:
    started = time.monotonic()
    is_serving: bool | None = None
    problem = ""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            is_serving = await ask()
    except TimeoutError:
        problem = f"nothing came within {CHECK_TIMEOUT_SECONDS:.0f} s"
    except TensorFleetError as exc:
        problem = str(exc)
    return Answer(
        is_serving=is_serving,
        problem=problem,
        latency=timedelta(seconds=time.monotonic() - started),
        time=utc_now(),
    )


def _log_changes(before: Snapshot | None, after: Snapshot) -> None:
    known = {part.name: part.status for part in before.components} if before else {}
    for part in after.components:
        if known.get(part.name, Status.HEALTHY) != part.status:
            log.info(
                "component changed",
                component=part.name,
                status=part.status.name.lower(),
                problem=part.message,
            )


@asynccontextmanager
async def looker_opened(settings: MonitoringSettings, board: HealthBoard) -> AsyncIterator[Looker]:
    """A looker with its connections, for as long as the block runs."""
    async with AsyncExitStack() as stack:
        channels: dict[str, grpc.aio.Channel] = {}
        for service, address in (
            ("orchestrator", settings.orchestrator_address),
            ("storage", settings.storage_address),
            ("inference", settings.inference_address),
        ):
            channel = open_channel(address, settings.service_token)
            channels[service] = await stack.enter_async_context(channel)
        yield Looker(
            channels=channels,
            workers=worker_service_pb2_grpc.WorkerServiceStub(channels["orchestrator"]),
            gateway_url=check_gateway_url(settings.gateway_url),
            board=board,
        )
