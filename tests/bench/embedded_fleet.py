"""A whole fleet for benchmarks, as `tensorfleet up` starts it, with doors to measure at."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tensorfleet.local.fleet_home import FleetHome
from tensorfleet.local.fleet_record import read_record
from tensorfleet.local.fleet_secrets import ADMIN_USER, read_or_make_secrets
from tensorfleet.local.secret_file import read_or_generate_secret
from tensorfleet.orchestrator.v1.job_service_pb2_grpc import JobServiceStub
from tensorfleet.orchestrator.v1.worker_service_pb2_grpc import WorkerServiceStub
from tensorfleet.sdk.client import Client
from tensorfleet.sdk.connection import Connection
from tensorfleet.sdk.credentials import find_credentials
from tensorfleet.sdk.packing import pack
from tensorfleet.sdk.uploads import upload_files
from tensorfleet.shared.caller import DEFAULT_PROJECT, Caller, current_caller
from tensorfleet.shared.grpc_client import open_channel
from tests.bench.bench_process import tied_process
from tests.deadlines import eventually
from tests.fleets import PROGRAM, FleetOnDisk, kill_all

if TYPE_CHECKING:
    from tensorfleet.orchestrator.v1.job_service_pb2_grpc import JobServiceAsyncStub
    from tensorfleet.orchestrator.v1.worker_service_pb2_grpc import WorkerServiceAsyncStub

START_TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True, kw_only=True)
class EmbeddedFleet:
    """A fleet that is up."""

    on_disk: FleetOnDisk
    orchestrator_address: str
    storage_address: str
    service_token: str
    redis_url: str
    jobs: "JobServiceAsyncStub"
    workers: "WorkerServiceAsyncStub"

    @property
    def folder(self) -> Path:
        """Its data folder; whatever a benchmark starts beside it belongs below, too."""
        return self.on_disk.home

    def client(self) -> Client:
        """An SDK client. Close it."""
        return self.on_disk.client()

    def upload(self, files: Mapping[str, str]) -> str:
        """Uploads a code folder of these files as the SDK does; returns its artifact's id."""
        connection = Connection(find_credentials(self.on_disk.environment))
        try:
            with tempfile.TemporaryDirectory() as folder:
                for name, text in files.items():
                    Path(folder, name).write_text(text)
                return upload_files(connection, pack(Path(folder))).id
        finally:
            connection.close()


@asynccontextmanager
async def embedded_fleet(*, workers: int = 2) -> AsyncIterator[EmbeddedFleet]:
    """A fleet in a new folder for as long as the block."""
    with tempfile.TemporaryDirectory(prefix="tensorfleet-bench-") as folder:
        on_disk = FleetOnDisk(home=Path(folder, "home"))
        log_path = Path(folder, "up.log")
        command = (PROGRAM, "up", "--json", "--workers", str(workers))
        try:
            async with tied_process(
                *command, environment=on_disk.environment, log_path=log_path
            ) as up:
                await eventually(
                    lambda: up.returncode is not None or _is_up(on_disk),
                    timeout_seconds=START_TIMEOUT_SECONDS,
                )
                async with _doors(on_disk) as fleet:
                    yield fleet
        finally:
            kill_all(on_disk)


def _is_up(on_disk: FleetOnDisk) -> bool:
    record = read_record(FleetHome(on_disk.home))
    return record is not None and record.state == "running"


@asynccontextmanager
async def _doors(on_disk: FleetOnDisk) -> AsyncIterator[EmbeddedFleet]:
    home, record = FleetHome(on_disk.home), on_disk.record()
    token = read_or_make_secrets(home.secrets_file, {}).service_token
    password = read_or_generate_secret(home.data_dir("valkey") / "password")
    address = f"127.0.0.1:{record.part('orchestrator').port}"
    # Jobs belong to the user whom the SDK's client logs in as.
    current_caller.set(Caller(user=ADMIN_USER, project=DEFAULT_PROJECT))
    async with open_channel(address, token) as channel:
        await asyncio.wait_for(channel.channel_ready(), START_TIMEOUT_SECONDS)
        yield EmbeddedFleet(
            on_disk=on_disk,
            orchestrator_address=address,
            storage_address=f"127.0.0.1:{record.part('storage').port}",
            service_token=token,
            redis_url=f"redis://:{password}@127.0.0.1:{record.part('valkey').port}",
            jobs=JobServiceStub(channel),
            workers=WorkerServiceStub(channel),
        )
