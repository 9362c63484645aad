"""A thousand running jobs on a hundred light workers, and what it costs to keep them."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from tensorfleet.orchestrator.v1 import job_pb2, resources_pb2, worker_pb2
from tensorfleet.orchestrator.v1 import worker_service_pb2 as workers_pb
from tests.bench import job_client
from tests.bench.bench_process import tied_process
from tests.bench.embedded_fleet import EmbeddedFleet
from tests.bench.light_workers import LABELS, NAME_PREFIX
from tests.deadlines import eventually

ROOT = Path(__file__).parents[2]
CREATES_IN_FLIGHT = 100
TIMEOUT_SECONDS = 120.0
KIND = "command"


@dataclass(frozen=True, kw_only=True)
class LightWorkers:
    """The process that plays the workers."""

    fleet: EmbeddedFleet
    process: Process
    attached_seconds: float

    async def attached_count(self) -> int:
        """How many of them are online, as the orchestrator says."""
        answer = await self.fleet.workers.ListWorkers(workers_pb.ListWorkersRequest())
        return sum(
            worker.id.startswith(NAME_PREFIX) and worker.state == worker_pb2.WORKER_STATE_ONLINE
            for worker in answer.workers
        )

    async def give(self, count: int) -> None:
        """Creates jobs of one task for them, and returns once they hold all of those."""
        spec = job_pb2.JobSpec(
            kind=KIND,
            spec_json='{"command": ["true"]}',
            resources=resources_pb2.Resources(cpus=1, memory_bytes=2**29, labels=LABELS),
        )
        await job_client.at_most(
            CREATES_IN_FLIGHT, lambda _: job_client.create(self.fleet.jobs, spec), range(count)
        )
        await eventually(lambda: self._holds(count), timeout_seconds=TIMEOUT_SECONDS)

    async def running_count(self) -> int:
        """How many jobs run, as the orchestrator says."""
        pages = job_client.listed(self.fleet.jobs, KIND, job_pb2.JOB_STATE_RUNNING)
        return sum([len(page) async for page in pages])

    async def finish(self) -> None:
        """Ends all that they hold well."""
        left = (await self._ask("finish"))["held"]
        if left:
            raise job_client.JobWentWrong(f"{left} tasks are still held")

    async def _holds(self, count: int) -> bool:
        return bool((await self._ask("count"))["held"] == count)

    async def _ask(self, word: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{word}\n".encode())
        return await _answer(self.process)


@asynccontextmanager
async def light_workers(
    fleet: EmbeddedFleet, workers: int, slots: int
) -> AsyncIterator[LightWorkers]:
    """Attached for as long as the block."""
    async with tied_process(
        *(sys.executable, "-m", "tests.bench.light_workers"),
        *(fleet.orchestrator_address, str(workers), str(slots)),
        environment={
            "PATH": os.environ["PATH"],
            "TENSORFLEET_SERVICE_TOKEN": fleet.service_token,
            "GRPC_VERBOSITY": "ERROR",
        },
        folder=ROOT,
        log_path=fleet.folder / "logs" / "light-workers.log",
        is_talkative=True,
    ) as process:
        attached_seconds = (await _answer(process))["attached_seconds"]
        yield LightWorkers(fleet=fleet, process=process, attached_seconds=attached_seconds)


async def core_share(pid: int, seconds: float) -> float:
    """Which share of one core a process uses, measured for so long."""
    process = psutil.Process(pid)
    before = process.cpu_times()
    await asyncio.sleep(seconds)
    after = process.cpu_times()
    return (after.user + after.system - before.user - before.system) / seconds


async def _answer(process: Process) -> dict[str, Any]:
    assert process.stdout is not None
    async with asyncio.timeout(TIMEOUT_SECONDS):
        line = await process.stdout.readline()
    if not line:
        raise ConnectionError("the light workers ended")
    answer: dict[str, Any] = json.loads(line)
    return answer
