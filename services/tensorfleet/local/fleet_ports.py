"""Which part of a fleet listens where: the usual ports, or free ones when those are taken."""

from collections.abc import Iterable

from tensorfleet.local.free_ports import PortChoice, choose_port

GATEWAY_PORT = 7100

# One line a listener. The numbers of the services are those of their settings' defaults.
WANTED_PORTS = {
    "gateway": GATEWAY_PORT,
    "orchestrator": 7101,
    "storage": 7102,
    "inference": 7103,
    "monitoring": 7104,
    "monitoring-http": 7105,
    "mongodb": 7107,
    "valkey": 7108,
    "seaweedfs": 7109,
    "orchestrator-metrics": 7111,
    "storage-metrics": 7112,
    "inference-metrics": 7113,
    "monitoring-metrics": 7114,
}
FIRST_WORKER_METRICS_PORT = 7121
# Of more taken ports than this, most likely by another fleet, only the first are told one by one.
TOLD_PORTS = 3


def wanted_ports(workers: Iterable[str], gateway_port: int) -> dict[str, int]:
    """The port that each listener would like, by its name; a worker's serves its metrics."""
    wanted = {**WANTED_PORTS, "gateway": gateway_port}
    for offset, worker in enumerate(workers):
        wanted[worker] = FIRST_WORKER_METRICS_PORT + offset
    return wanted


def choose_ports(wanted: dict[str, int]) -> dict[str, PortChoice]:
    """A port for each listener, all different, free at this moment.

    Raises:
        ServerStartFailed: There are not enough free ports.
    """
    chosen: dict[str, PortChoice] = {}
    for name, port in wanted.items():
        taken = [choice.port for choice in chosen.values()]
        # A port that another part likes is not for this one, even when this one's own is taken.
        others = [other for other_name, other in wanted.items() if other_name != name]
        chosen[name] = choose_port(port, reserved=[*taken, *(p for p in others if p != port)])
    return chosen


def describe_taken(chosen: dict[str, PortChoice]) -> list[str]:
    """Sentences about the wanted ports that others hold."""
    taken = [
        f"{name}: {choice.describe()}" for name, choice in chosen.items() if not choice.is_wanted
    ]
    more = len(taken) - TOLD_PORTS
    if more <= 0:
        return taken
    return [*taken[:TOLD_PORTS], f"{more} more ports are held by others; free ones are used"]
