"""Every part of a machine's fleet: the stores, the services, the workers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import psutil

from tensorfleet.local.fleet_home import FleetHome
from tensorfleet.local.given_stores import STORES
from tensorfleet.local.part import Part, RunningPart, Stage, Variables
from tensorfleet.local.part_environment import (
    SERVICES,
    service_environment,
    worker_environment,
)
from tensorfleet.local.service_process import start_service

DATABASE = "tensorfleet"
BUCKET = "tensorfleet"
# How long each process gives itself to stop, by its setting, its default, and what it may take
# beyond that before it is killed.
SERVICE_GRACE = ("TENSORFLEET_SHUTDOWN_GRACE_SECONDS", 10.0, 5.0)
WORKER_GRACE = ("TENSORFLEET_WORKER_DRAIN_GRACE_SECONDS", 20.0, 10.0)

# What each service connects to while it starts; it would end, or wait long, without it.
SERVICE_NEEDS = {
    "orchestrator": ("mongodb", "valkey"),
    "storage": ("mongodb", "seaweedfs"),
    "gateway": ("mongodb",),
}
# A worker that is earlier only takes processor time from the others, and then waits between tries.
WORKER_NEEDS = ("orchestrator",)


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetLayout:
    """What a fleet consists of on this machine."""

    home: FleetHome
    workers: tuple[str, ...]
    ports: Mapping[str, int]
    """By listener."""
    stores: tuple[str, ...]
    """Those to start; the others are the user's own."""
    machine: Mapping[str, str]
    """The user's environment."""


def worker_names(count: int) -> tuple[str, ...]:
    """Names of that many workers."""
    return tuple(f"worker-{number}" for number in range(1, count + 1))


def build_parts(layout: FleetLayout) -> list[Part]:
    """All parts, in the order in which people read them."""
    stores = [_store_part(layout, store) for store in STORES if store in layout.stores]
    services = [_service_part(layout, service) for service in SERVICES]
    workers = [_worker_part(layout, worker) for worker in layout.workers]
    return [*stores, *services, *workers]


def _store_part(layout: FleetLayout, store: str) -> Part:
    start = {"mongodb": _start_mongodb, "valkey": _start_valkey, "seaweedfs": _start_seaweedfs}
    return Part(
        name=store,
        stage=Stage.STORES,
        port=layout.ports[store],
        start=partial(start[store], layout),
    )


# Each store's driver is imported when its server is started: a fleet that uses the user's own
# stores needs none of them, and the others' servers start meanwhile.


async def _start_mongodb(layout: FleetLayout, _variables: Variables) -> RunningPart:
    from tensorfleet.local.mongodb import start_mongodb

    server = await start_mongodb(
        data_dir=layout.home.data_dir("mongodb"),
        log_path=layout.home.log_file("mongodb"),
        port=layout.ports["mongodb"],
        database=DATABASE,
    )
    return RunningPart(
        process=server.process,
        stop=server.stop,
        variables={
            "TENSORFLEET_MONGO_URL": server.url,
            "TENSORFLEET_MONGO_DATABASE": server.database,
        },
    )


async def _start_valkey(layout: FleetLayout, _variables: Variables) -> RunningPart:
    from tensorfleet.local.valkey import start_valkey

    server = await start_valkey(
        data_dir=layout.home.data_dir("valkey"),
        log_path=layout.home.log_file("valkey"),
        port=layout.ports["valkey"],
    )
    return RunningPart(
        process=server.process, stop=server.stop, variables={"TENSORFLEET_REDIS_URL": server.url}
    )


async def _start_seaweedfs(layout: FleetLayout, _variables: Variables) -> RunningPart:
    from tensorfleet.local.seaweedfs import start_seaweedfs

    server = await start_seaweedfs(
        data_dir=layout.home.data_dir("seaweedfs"),
        log_path=layout.home.log_file("seaweedfs"),
        port=layout.ports["seaweedfs"],
        bucket=BUCKET,
    )
    return RunningPart(
        process=server.process,
        stop=server.stop,
        variables={
            "TENSORFLEET_S3_URL": server.url,
            "TENSORFLEET_S3_PUBLIC_URL": server.url,
            "TENSORFLEET_S3_ACCESS_KEY": server.access_key,
            "TENSORFLEET_S3_SECRET_KEY": server.secret_key,
            "TENSORFLEET_S3_BUCKET": server.bucket,
            "TENSORFLEET_S3_REGION": server.region,
        },
    )


def _service_part(layout: FleetLayout, service: str) -> Part:
    async def start(fleet: Variables) -> RunningPart:
        return await start_service(
            name=service,
            module=service,
            environment=service_environment(
                service, machine=layout.machine, fleet=fleet, home=layout.home
            ),
            working_dir=layout.home.root,
            log_path=layout.home.log_file(service),
            port=layout.ports[service],
            stop_grace_seconds=_stop_grace_seconds(layout.machine, *SERVICE_GRACE),
        )

    return Part(
        name=service,
        stage=Stage.SERVICES,
        port=layout.ports[service],
        needs=_present(SERVICE_NEEDS.get(service, ()), layout.stores),
        start=start,
    )


def _worker_part(layout: FleetLayout, worker: str) -> Part:
    async def start(fleet: Variables) -> RunningPart:
        return await start_service(
            name=worker,
            module="worker",
            environment=worker_environment(
                worker,
                workers=layout.workers,
                metrics_port=layout.ports[worker],
                machine_memory_bytes=psutil.virtual_memory().total,
                machine=layout.machine,
                fleet=fleet,
                home=layout.home,
            ),
            working_dir=layout.home.worker_dir(worker),
            log_path=layout.home.log_file(worker),
            port=layout.ports[worker],
            stop_grace_seconds=_stop_grace_seconds(layout.machine, *WORKER_GRACE),
            is_worker=True,
        )

    return Part(
        name=worker,
        stage=Stage.WORKERS,
        port=layout.ports[worker],
        needs=WORKER_NEEDS,
        start=start,
    )


def _present(needs: Sequence[str], stores: Sequence[str]) -> tuple[str, ...]:
    return tuple(need for need in needs if need in stores)


def _stop_grace_seconds(
    machine: Mapping[str, str], variable: str, default: float, margin: float
) -> float:
    try:
        return float(machine.get(variable, default)) + margin
    except ValueError:
        return default + margin  # the process itself will refuse the value, and say so
