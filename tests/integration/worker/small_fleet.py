"""An orchestrator and a storage service in the test's event loop, and workers as real processes."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorfleet.orchestrator.v1 import event_pb2, job_pb2
from tensorfleet.orchestrator.v1 import job_service_pb2 as jobs_pb
from tensorfleet.shared.grpc_client import open_channel
from tensorfleet.storage.app import storage_started
from tensorfleet.storage.settings import StorageSettings
from tests.stores import S3Store
from tests.wire.orchestrator.running_orchestrator import (
    SERVICE_TOKEN,
    OrchestratorDoor,
    orchestrator_running,
)
from tests.wire.storage.storage_client import StorageClient

PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallFleet:
    """What a test needs to run jobs on workers that it starts and kills."""

    door: OrchestratorDoor
    storage: StorageClient
    storage_address: str
    folder: Path
    stack: AsyncExitStack

    async def start_worker(
        self, name: str = "w1", *, warm_idle_seconds: float = 0, **settings: str
    ) -> Process:
        """A worker process; it is killed at the end of the test if it still runs.

        Cold by default: these scripts import no torch, so a warm process would only cost time.
        `settings` are its further ones, named without "TENSORFLEET_WORKER_".
        """
        further = {f"TENSORFLEET_WORKER_{k.upper()}": value for k, value in settings.items()}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tensorfleet.worker",
            env={
                "PATH": os.environ["PATH"],
                "TENSORFLEET_SERVICE_TOKEN": SERVICE_TOKEN,
                "TENSORFLEET_WORKER_NAME": name,
                "TENSORFLEET_WORKER_DATA_DIR": str(self.folder / name),
                "TENSORFLEET_WORKER_WARM_IDLE_SECONDS": str(warm_idle_seconds),
                "TENSORFLEET_WORKER_METRICS_LISTEN": "",
                "TENSORFLEET_WORKER_DRAIN_GRACE_SECONDS": "10",
                "TENSORFLEET_ORCHESTRATOR_ADDRESS": self.door.address,
                "TENSORFLEET_STORAGE_ADDRESS": self.storage_address,
                **further,
            },
        )
        self.stack.push_async_callback(_end, process)
        return process

    async def submit(
        self,
        kind: str,
        spec_json: str,
        code: Mapping[str, str] | None = None,
        *,
        code_artifact_id: str = "",
        **fields: Any,
    ) -> str:
        """Creates a job, with a code folder of these files; returns its id."""
        if code is not None:
            contents = {name: text.encode() for name, text in code.items()}
            code_artifact_id = await self.storage.upload(contents)
        spec = job_pb2.JobSpec(
            kind=kind,
            spec_json=spec_json,
            code_artifact_id=code_artifact_id,
            **fields,
        )
        return (await self.door.jobs.CreateJob(jobs_pb.CreateJobRequest(spec=spec))).job.id

    async def job(self, job_id: str) -> job_pb2.Job:
        """The job as it is."""
        return (await self.door.jobs.GetJob(jobs_pb.GetJobRequest(job_id=job_id))).job

    async def watch(self, job_id: str) -> AsyncIterator[event_pb2.Event]:
        """The job's events as they come."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            call = self.door.jobs.WatchEvents(jobs_pb.WatchEventsRequest(job_id=job_id))
            async for response in call:
                for event in response.events:
                    yield event

    async def finish(self, job_id: str) -> tuple[job_pb2.Job, list[event_pb2.Event]]:
        """The ended job and all its events."""
        events = [event async for event in self.watch(job_id)]
        return await self.job(job_id), events


def lines_of(events: list[event_pb2.Event]) -> list[str]:
    """Everything that was logged."""
    return [line for event in events for line in event.log.lines]


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await process.wait()


@asynccontextmanager
async def small_fleet(
    mongo_url: str, mongo_database: str, redis_url: str, s3: S3Store, folder: Path
) -> AsyncIterator[SmallFleet]:
    """Runs for as long as the block."""
    storage_settings = StorageSettings(
        service_token=SERVICE_TOKEN,
        mongo_url=mongo_url,
        mongo_database=mongo_database,
        s3_url=s3.url,
        s3_access_key=s3.access_key,
        s3_secret_key=s3.secret_key,
        s3_bucket=s3.bucket,
        storage_listen="127.0.0.1:0",
        storage_metrics_listen="",
    )
    async with AsyncExitStack() as stack:
        door = await stack.enter_async_context(
            orchestrator_running(mongo_url, mongo_database, redis_url)
        )
        server = await stack.enter_async_context(storage_started(storage_settings))
        address = f"127.0.0.1:{server.port}"
        channel = await stack.enter_async_context(open_channel(address, SERVICE_TOKEN))
        workers = await stack.enter_async_context(AsyncExitStack())
        yield SmallFleet(
            door=door,
            storage=StorageClient(channel),
            storage_address=address,
            folder=folder,
            stack=workers,
        )
