"""What each process of a fleet is told, and what not."""

from pathlib import Path

import pytest

from tensorfleet.local.fleet_home import FleetHome
from tensorfleet.local.fleet_ports import wanted_ports
from tensorfleet.local.part_environment import (
    SERVICES,
    address_variables,
    service_environment,
    worker_environment,
)
from tensorfleet.local.service_settings import settings_class
from tensorfleet.shared.settings import load_settings

HOME = FleetHome(Path("/fleet"))
WORKERS = ("worker-1", "worker-2")
MONGO = "mongodb://tensorfleet:mongo-password@127.0.0.1:7107/"
REDIS = "redis://:redis-password@127.0.0.1:7108/0"
STORES = {
    "TENSORFLEET_MONGO_URL": MONGO,
    "TENSORFLEET_REDIS_URL": REDIS,
    "TENSORFLEET_S3_URL": "http://127.0.0.1:7109",
    "TENSORFLEET_S3_ACCESS_KEY": "access",
    "TENSORFLEET_S3_SECRET_KEY": "s3-secret",
}
SECRETS = {
    "TENSORFLEET_SERVICE_TOKEN": "t" * 43,
    "TENSORFLEET_JWT_SECRET": "j" * 43,
    "TENSORFLEET_ADMIN_PASSWORD": "admin-password",
}
MACHINE = {"PATH": "/usr/bin", "LANG": "C.UTF-8", "AWS_SECRET_ACCESS_KEY": "the user's own"}


def fleet_variables() -> dict[str, str]:
    return {**STORES, **SECRETS, **address_variables(wanted_ports(WORKERS, 7100))}


def environment_of(service: str, machine: dict[str, str] | None = None) -> dict[str, str]:
    return service_environment(
        service,
        machine=MACHINE if machine is None else machine,
        fleet=fleet_variables(),
        home=HOME,
    )


def environment_of_worker(name: str, machine: dict[str, str] | None = None) -> dict[str, str]:
    return worker_environment(
        name,
        workers=WORKERS,
        metrics_port=7121,
        machine_memory_bytes=16_000,
        machine=MACHINE if machine is None else machine,
        fleet=fleet_variables(),
        home=HOME,
    )


@pytest.mark.parametrize("service", SERVICES)
def test_service_can_start_with_its_environment(service: str) -> None:
    load_settings(settings_class(service), environment_of(service))


def test_worker_can_start_with_its_environment() -> None:
    settings = load_settings(settings_class("worker"), environment_of_worker("worker-2"))
    assert settings.worker_name == "worker-2"
    assert settings.worker_data_dir == Path("/fleet/workers/worker-2")
    assert settings.worker_memory_bytes == 8_000
    assert settings.orchestrator_address == "127.0.0.1:7101"


@pytest.mark.parametrize(
    ("service", "secrets"),
    [
        ("gateway", {MONGO, "t" * 43, "j" * 43, "admin-password"}),
        ("orchestrator", {MONGO, REDIS, "t" * 43}),
        ("storage", {MONGO, "t" * 43, "access", "s3-secret"}),
        ("inference", {"t" * 43}),
        ("monitoring", {"t" * 43}),
    ],
)
def test_service_gets_its_own_secrets_only(service: str, secrets: set[str]) -> None:
    every_secret = {*STORES.values(), *SECRETS.values()} - {STORES["TENSORFLEET_S3_URL"]}
    assert every_secret & set(environment_of(service).values()) == secrets


def test_worker_gets_no_secret_but_the_service_token() -> None:
    given = environment_of_worker("worker-1")
    every_secret = {*STORES.values(), *SECRETS.values()}
    assert every_secret & set(given.values()) == {"t" * 43}


def test_user_environment_is_not_handed_on() -> None:
    for given in (environment_of("gateway"), environment_of_worker("worker-1")):
        assert "AWS_SECRET_ACCESS_KEY" not in given
        assert given["PATH"] == "/usr/bin"
        assert given["HOME"] == "/fleet"


def test_settings_of_the_user_reach_only_those_that_read_them() -> None:
    machine = {"TENSORFLEET_LEASE_SECONDS": "7", "TENSORFLEET_LOG_LEVEL": "debug"}
    assert environment_of("orchestrator", machine)["TENSORFLEET_LEASE_SECONDS"] == "7"
    assert "TENSORFLEET_LEASE_SECONDS" not in environment_of("storage", machine)
    assert environment_of("storage", machine)["TENSORFLEET_LOG_LEVEL"] == "debug"
    worker = {"TENSORFLEET_WORKER_MEMORY_BYTES": "99"}
    given = environment_of_worker("worker-1", worker)
    assert given["TENSORFLEET_WORKER_MEMORY_BYTES"] == "99"


def test_addresses_are_the_fleets_own_whatever_the_user_set() -> None:
    machine = {"TENSORFLEET_GATEWAY_LISTEN": "0.0.0.0:80"}
    assert environment_of("gateway", machine)["TENSORFLEET_GATEWAY_LISTEN"] == "127.0.0.1:7100"


def test_gpus_go_to_the_first_worker() -> None:
    machine = {"TENSORFLEET_WORKER_GPUS": "2", "TENSORFLEET_WORKER_GPU_KIND": "h200"}
    first = environment_of_worker("worker-1", machine)
    assert (first["TENSORFLEET_WORKER_GPUS"], first["TENSORFLEET_WORKER_GPU_KIND"]) == ("2", "h200")
    assert "TENSORFLEET_WORKER_GPUS" not in environment_of_worker("worker-2", machine)
