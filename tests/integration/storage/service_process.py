"""A service as the process that users run, for tests that stop and kill it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.stores import S3Store
from tests.wire.storage.storage_client import SERVICE_TOKEN

START_SECONDS = 30.0
STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class ServiceProcess:
    """A running service."""

    process: "subprocess.Popen[bytes]"
    address: str
    log_path: Path

    @property
    def log(self) -> str:
        """What it has logged."""
        return self.log_path.read_text()

    def terminate(self) -> int:
        """Sends SIGTERM and waits; the exit status."""
        self.process.terminate()
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """Sends SIGKILL and waits."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def has_mapped(self, name: str) -> bool:
        """Whether a file with this in its name is in the process's memory."""
        return name in Path(f"/proc/{self.process.pid}/maps").read_text()


def environment(**settings: object) -> dict[str, str]:
    """The environment of a service: nothing but a path and these settings."""
    given = {f"TENSORFLEET_{name.upper()}": str(value) for name, value in settings.items()}
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **given}


def storage_environment(mongo_url: str, database: str, s3: S3Store) -> dict[str, str]:
    """The environment of a storage service over these stores, without its addresses."""
    return environment(
        mongo_url=mongo_url,
        mongo_database=database,
        s3_url=s3.url,
        s3_access_key=s3.access_key,
        s3_secret_key=s3.secret_key,
        s3_bucket=s3.bucket,
        s3_region=s3.region,
        service_token=SERVICE_TOKEN,
        storage_metrics_listen="",
    )


@contextmanager
def running(
    service: str, address: str, variables: Mapping[str, str], log_path: Path
) -> Iterator[ServiceProcess]:
    """Runs `python -m tensorfleet.<service>` on the address; killed after the block."""
    listen = {f"TENSORFLEET_{service.upper()}_LISTEN": address}
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", f"tensorfleet.{service}"],
            env={**variables, **listen},
            stdout=log,
            stderr=log,
        )
    started = ServiceProcess(process, address, log_path)
    try:
        wait_until_answering(started)
        yield started
    finally:
        process.kill()
        process.wait(STOP_SECONDS)


def wait_until_answering(service: ServiceProcess) -> None:
    """Returns once the server answers at all, healthy or not."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        with grpc.insecure_channel(
            service.address, options=[("grpc.enable_http_proxy", 0)]
        ) as channel:
            try:
                health_pb2_grpc.HealthStub(channel).Check(
                    health_pb2.HealthCheckRequest(), timeout=1.0, wait_for_ready=True
                )
            except grpc.RpcError as exc:
                if service.process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(f"no answer; the log says:\n{service.log}") from exc
            else:
                return


def run_to_its_end(
    service: str, *arguments: str, variables: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Runs `python -m tensorfleet.<service>` with arguments and waits for its end."""
    return subprocess.run(
        [sys.executable, "-m", f"tensorfleet.{service}", *arguments],
        env=dict(variables),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
