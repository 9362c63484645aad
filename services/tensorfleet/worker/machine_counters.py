"""What a machine has counted since it started, and what it did between two looks."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from tensorfleet.orchestrator.v1 import worker_pb2

LOOPBACK_NAMES = ("lo", "lo0")
MAX_CORES = 1_024


class CoreTimes(NamedTuple):
    """Seconds that a core has spent, since the machine started."""

    user: float = 0.0
    system: float = 0.0
    idle: float = 0.0
    iowait: float = 0.0
    steal: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineCounters:
    """One look at a machine. None: it does not tell."""

    cores: Sequence[CoreTimes] = ()
    disk_read_bytes: int | None = None
    disk_write_bytes: int | None = None
    disk_busy_seconds: Mapping[str, float] | None = None
    """By disk."""
    network_received_bytes: int | None = None
    network_sent_bytes: int | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    swap_used_bytes: int | None = None
    load_average: float | None = None
    """Over one minute."""


def read_counters() -> MachineCounters:
    """Looks at this machine; takes about a millisecond."""
    memory = psutil.virtual_memory()
    disks = _disks()
    # Traffic with itself is no traffic of the machine.
    cards = [
        card
        for name, card in psutil.net_io_counters(pernic=True, nowrap=False).items()
        if name not in LOOPBACK_NAMES
    ]
    return MachineCounters(
        cores=[_core_times(core) for core in psutil.cpu_times(percpu=True)],
        disk_read_bytes=sum(d.read_bytes for d in disks.values()) if disks else None,
        disk_write_bytes=sum(d.write_bytes for d in disks.values()) if disks else None,
        # Not every system tells it.
        disk_busy_seconds={
            name: disk.busy_time / 1000
            for name, disk in disks.items()
            if hasattr(disk, "busy_time")
        },
        network_received_bytes=sum(card.bytes_recv for card in cards) if cards else None,
        network_sent_bytes=sum(card.bytes_sent for card in cards) if cards else None,
        memory_used_bytes=memory.total - memory.available,
        memory_total_bytes=memory.total,
        swap_used_bytes=psutil.swap_memory().used,
        load_average=os.getloadavg()[0],
    )


def _core_times(core: Any) -> CoreTimes:
    # Linux counts guests' time as the user's already.
    return CoreTimes(
        user=core.user + getattr(core, "nice", 0.0),
        system=core.system + getattr(core, "irq", 0.0) + getattr(core, "softirq", 0.0),
        idle=core.idle,
        iowait=getattr(core, "iowait", 0.0),
        steal=getattr(core, "steal", 0.0),
    )


def _disks() -> dict[str, Any]:
    """The disks themselves: what is built of them or is a part of them would count twice."""
    found: dict[str, Any] = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
    return {
        name: disk for name, disk in found.items() if Path("/sys/block", name, "device").exists()
    }


def sample_between(
    before: MachineCounters, after: MachineCounters, seconds: float
) -> worker_pb2.MachineSample:
    """What a machine did between two looks, without the time and the number.

    Args:
        before: The earlier look.
        after: The later one.
        seconds: How long after.
    """

    def rate(earlier: int | None, later: int | None) -> float | None:
        if earlier is None or later is None or seconds <= 0:
            return None
        # A card or a disk that is taken away takes its count along.
        return max(0, later - earlier) / seconds

    sample = worker_pb2.MachineSample(
        interval_seconds=seconds,
        memory_used_bytes=after.memory_used_bytes,
        memory_total_bytes=after.memory_total_bytes,
        swap_used_bytes=after.swap_used_bytes,
        disk_read_bytes_per_second=rate(before.disk_read_bytes, after.disk_read_bytes),
        disk_write_bytes_per_second=rate(before.disk_write_bytes, after.disk_write_bytes),
        disk_busy=_busiest(before.disk_busy_seconds, after.disk_busy_seconds, seconds),
        network_received_bytes_per_second=rate(
            before.network_received_bytes, after.network_received_bytes
        ),
        network_sent_bytes_per_second=rate(before.network_sent_bytes, after.network_sent_bytes),
        load_average=after.load_average,
    )
    _add_cores(sample, before.cores, after.cores)
    return sample


def _add_cores(
    sample: worker_pb2.MachineSample, before: Sequence[CoreTimes], after: Sequence[CoreTimes]
) -> None:
    # Cores that were switched on or off meanwhile cannot be compared.
    if len(before) != len(after):
        return
    spent = [_between(b, a) for b, a in zip(before, after, strict=True)]
    for times in spent[:MAX_CORES]:
        total = sum(times)
        waited = times.idle + times.iowait
        sample.cores.append(round(1 - waited / total, 4) if total else 0.0)
    together = CoreTimes(*(sum(values) for values in zip(*spent, strict=True)))
    total = sum(together)
    if total:
        sample.cpu_user = together.user / total
        sample.cpu_system = together.system / total
        sample.cpu_idle = together.idle / total
        sample.cpu_iowait = together.iowait / total
        sample.cpu_steal = together.steal / total


def _between(before: CoreTimes, after: CoreTimes) -> CoreTimes:
    # The kernel's own count of waiting for disks goes back now and then.
    return CoreTimes(*(max(0.0, a - b) for b, a in zip(before, after, strict=True)))


def _busiest(
    before: Mapping[str, float] | None, after: Mapping[str, float] | None, seconds: float
) -> float | None:
    if not before or not after or seconds <= 0:
        return None
    shares = [(after[name] - before[name]) / seconds for name in before.keys() & after.keys()]
    return min(1.0, max(0.0, *shares)) if shares else None
