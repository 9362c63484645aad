"""The environment of each part: what it needs to do its work, and nothing more."""

from collections.abc import Iterable, Mapping

from tensorfleet.local.fleet_home import FleetHome
from tensorfleet.local.free_ports import HOST
from tensorfleet.local.service_settings import read_variables
from tensorfleet.shared.settings import PREFIX

SERVICES = ("orchestrator", "storage", "inference", "monitoring", "gateway")

# What a process of this machine needs whatever it does, and what workers hand on to tasks.
MACHINE_VARIABLES = (
    "PATH",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "CUDA_HOME",
    "SSL_CERT_FILE",
    "PYTHONPATH",
)
# glibc keeps up to eight heaps for each core; services with few busy threads do not need them.
FIXED = {"MALLOC_ARENA_MAX": "2"}

GPU_VARIABLES = ("TENSORFLEET_WORKER_GPUS", "TENSORFLEET_WORKER_GPU_KIND")


def address_variables(ports: Mapping[str, int]) -> dict[str, str]:
    """Where every service listens and where the others find it, from the ports by listener."""
    variables: dict[str, str] = {}
    for service in SERVICES:
        address = f"{HOST}:{ports[service]}"
        variables[f"{PREFIX}{service.upper()}_LISTEN"] = address
        variables[f"{PREFIX}{service.upper()}_ADDRESS"] = address
        if f"{service}-metrics" in ports:
            metrics = f"{HOST}:{ports[f'{service}-metrics']}"
            variables[f"{PREFIX}{service.upper()}_METRICS_LISTEN"] = metrics
    variables[f"{PREFIX}MONITORING_HTTP_LISTEN"] = f"{HOST}:{ports['monitoring-http']}"
    variables[f"{PREFIX}GATEWAY_URL"] = f"http://{HOST}:{ports['gateway']}"
    return variables


def service_environment(
    service: str,
    *,
    machine: Mapping[str, str],
    fleet: Mapping[str, str],
    home: FleetHome,
) -> dict[str, str]:
    """The whole environment of a service's process.

    Args:
        service: Its name.
        machine: The user's own environment; its settings of the fleet count where the fleet itself
            has no say.
        fleet: Addresses, secrets and stores of this fleet.
        home: The fleet's folder.
    """
    wanted = {**machine, **fleet}
    if service == "inference":
        wanted.setdefault(f"{PREFIX}INFERENCE_CACHE_DIR", str(home.data_dir("inference")))
    return _environment(service, machine, wanted, home)


def worker_environment(
    name: str,
    *,
    workers: Iterable[str],
    metrics_port: int,
    machine_memory_bytes: int,
    machine: Mapping[str, str],
    fleet: Mapping[str, str],
    home: FleetHome,
) -> dict[str, str]:
    """The whole environment of one worker's process.

    Every worker offers all cores, because cores can be shared; memory cannot, so that each offers
    its part. GPUs that the user names go to the first worker: each numbers its own from 0.
    """
    names = list(workers)
    wanted = {
        f"{PREFIX}WORKER_MEMORY_BYTES": str(machine_memory_bytes // len(names)),
        **machine,
        **fleet,
        f"{PREFIX}WORKER_NAME": name,
        f"{PREFIX}WORKER_DATA_DIR": str(home.worker_dir(name)),
        f"{PREFIX}WORKER_METRICS_LISTEN": f"{HOST}:{metrics_port}",
    }
    if name != names[0]:
        for variable in GPU_VARIABLES:
            wanted.pop(variable, None)
    return _environment("worker", machine, wanted, home)


def _environment(
    service: str, machine: Mapping[str, str], wanted: Mapping[str, str], home: FleetHome
) -> dict[str, str]:
    return {
        **{name: machine[name] for name in MACHINE_VARIABLES if name in machine},
        "HOME": str(home.root),
        **FIXED,
        **read_variables(service, wanted),
    }
