"""The environment of every process of the cast: short leases, quick restarts, secrets of tests."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tensorfleet.local.seaweedfs import RunningSeaweedFS
from tests.chaos.proxy import HOST

LEASE_SECONDS = 3.0
RENEW_INTERVAL_SECONDS = 1.0
SERVICE_TOKEN = "service-token-of-the-chaos-tests-0123456789"
ADMIN_PASSWORD = "password-of-the-chaos-tests"
WORKER_SLOTS = 4


@dataclass(kw_only=True)
class Surroundings:
    """What the stores tell when they have started."""

    mongo_url: str = ""
    redis_url: str = ""
    s3: RunningSeaweedFS | None = None
    database: str = "tensorfleet"


def storage_variables(surroundings: Surroundings, listen: str) -> dict[str, str]:
    """Of a storage service."""
    s3 = surroundings.s3
    assert s3 is not None
    return _environment(
        mongo_url=surroundings.mongo_url,
        mongo_database=surroundings.database,
        s3_url=s3.url,
        s3_access_key=s3.access_key,
        s3_secret_key=s3.secret_key,
        s3_bucket=s3.bucket,
        s3_region=s3.region,
        storage_listen=listen,
        storage_metrics_listen="",
    )


def orchestrator_variables(
    surroundings: Surroundings, listen: str, ways: Mapping[str, int], *, is_proxied: bool
) -> dict[str, str]:
    """Of an orchestrator; `ways` are the ports at which it finds its stores."""
    mongo_url = surroundings.mongo_url
    if is_proxied:
        # As a replica set, the driver would ask the server for its address, and pass the proxy by.
        mongo_url = at_port(mongo_url, ways["mongodb"])
        mongo_url = mongo_url.partition("?")[0] + "?directConnection=true&authSource=admin"
    return _environment(
        mongo_url=mongo_url,
        mongo_database=surroundings.database,
        redis_url=at_port(surroundings.redis_url, ways["valkey"]),
        orchestrator_listen=listen,
        orchestrator_metrics_listen="",
        lease_seconds=LEASE_SECONDS,
        renew_interval_seconds=RENEW_INTERVAL_SECONDS,
        shutdown_grace_seconds=3,
    )


def gateway_variables(
    surroundings: Surroundings, listen: str, orchestrators: str, storage_port: int
) -> dict[str, str]:
    """Of a gateway."""
    return _environment(
        mongo_url=surroundings.mongo_url,
        mongo_database=surroundings.database,
        jwt_secret="jwt-secret-of-the-chaos-tests-0123456789-0123456789",
        admin_password=ADMIN_PASSWORD,
        gateway_listen=listen,
        orchestrator_address=orchestrators,
        storage_address=f"{HOST}:{storage_port}",
        shutdown_grace_seconds=3,
    )


def worker_variables(
    *, name: str, folder: Path, metrics_port: int, orchestrators: str, storage_port: int
) -> dict[str, str]:
    """Of a worker. Its tasks start cold: they only run shell lines."""
    return _environment(
        worker_name=name,
        worker_data_dir=folder,
        worker_cpus=WORKER_SLOTS,
        worker_slots=WORKER_SLOTS,
        worker_warm_idle_seconds=0,
        worker_drain_grace_seconds=3,
        worker_metrics_listen=f"{HOST}:{metrics_port}",
        orchestrator_address=orchestrators,
        storage_address=f"{HOST}:{storage_port}",
    )


def at_port(url: str, port: int) -> str:
    """The URL with another port."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{login}@{HOST}:{port}"))


def _environment(**settings: object) -> dict[str, str]:
    given = {f"TENSORFLEET_{name.upper()}": str(value) for name, value in settings.items()}
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "TENSORFLEET_SERVICE_TOKEN": SERVICE_TOKEN,
        **given,
    }
