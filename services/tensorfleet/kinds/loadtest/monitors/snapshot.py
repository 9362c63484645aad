"""A machine's counters at one moment, and what two of them tell of the time between."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from tensorfleet.kinds.loadtest.record import ProcessSample, Sample

Counters = TypeVar("Counters")


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuTimes:
    """Time since the start of the machine, in any unit, of one core or of all."""

    user: float
    system: float
    idle: float
    iowait: float = 0.0
    steal: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskCounters:
    """Of one whole disk, since the start of the machine."""

    read_bytes: float
    written_bytes: float
    busy_seconds: float
    """While at least one request was under way: a disk that serves many at once may be busy all
    the time and still have room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCounters:
    """Of one interface, since the start of the machine."""

    received_bytes: float
    sent_bytes: float
    speed_bytes_per_second: float | None = None
    """Of each direction, where the interface tells it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessCounters:
    """One process."""

    name: str
    started: float
    """Tells a process from a later one with the same id."""
    cpu_seconds: float
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A machine at one moment; None or empty is what it does not tell."""

    at: float
    """Seconds on a clock that only goes forward; which one is the source's matter."""
    cpu: CpuTimes | None = None
    cores: Mapping[str, CpuTimes] = field(default_factory=dict)
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    swap_used_bytes: int | None = None
    disks: Mapping[str, DiskCounters] = field(default_factory=dict)
    networks: Mapping[str, NetworkCounters] = field(default_factory=dict)
    load_average: float | None = None
    processes: Mapping[int, ProcessCounters] = field(default_factory=dict)


def sample_between(
    before: Snapshot,
    after: Snapshot,
    *,
    at: float,
    process_names: tuple[str, ...] = (),
    ping_seconds: float | None = None,
) -> Sample:
    """The machine over the time between two snapshots; `at` is the second's time on the run's
    clock.

    Counters that went back (a machine that was started again, a device that was exchanged) count
    as no change. A process that began in between counts with all its time, one that ended not at
    all.
    """
    elapsed = after.at - before.at
    cpu = _shares(before.cpu, after.cpu)
    disks = _pairs(before.disks, after.disks)
    networks = _pairs(before.networks, after.networks)
    return Sample(
        at=at,
        cpu_user=cpu.user if cpu else None,
        cpu_system=cpu.system if cpu else None,
        cpu_idle=cpu.idle if cpu else None,
        cpu_iowait=cpu.iowait if cpu else None,
        cpu_steal=cpu.steal if cpu else None,
        cores=_cores(before, after),
        memory_used_bytes=after.memory_used_bytes,
        memory_total_bytes=after.memory_total_bytes,
        swap_used_bytes=after.swap_used_bytes,
        disk_read_bytes_per_second=_rate(
            [new.read_bytes - old.read_bytes for old, new in disks], elapsed
        ),
        disk_write_bytes_per_second=_rate(
            [new.written_bytes - old.written_bytes for old, new in disks], elapsed
        ),
        disk_busy=_disk_busy(disks, elapsed),
        network_received_bytes_per_second=_rate(
            [new.received_bytes - old.received_bytes for old, new in networks], elapsed
        ),
        network_sent_bytes_per_second=_rate(
            [new.sent_bytes - old.sent_bytes for old, new in networks], elapsed
        ),
        network_busy=_network_busy(networks, elapsed),
        load_average=after.load_average,
        ping_seconds=ping_seconds,
        processes=tuple(_process(name, before, after, elapsed) for name in process_names),
    )


def _shares(before: CpuTimes | None, after: CpuTimes | None) -> CpuTimes | None:
    if before is None or after is None:
        return None
    # The kernel's count of iowait may go back a little (proc(5)).
    spent = {
        name: max(0.0, getattr(after, name) - getattr(before, name))
        for name in ("user", "system", "idle", "iowait", "steal")
    }
    total = sum(spent.values())
    if total <= 0:
        return None
    return CpuTimes(**{name: value / total for name, value in spent.items()})


def _cores(before: Snapshot, after: Snapshot) -> tuple[float, ...]:
    """How busy each was; none where their number changed."""
    if before.cores.keys() != after.cores.keys():
        return ()
    shares = [_shares(before.cores[name], after.cores[name]) for name in after.cores]
    return tuple(
        0.0 if share is None else max(0.0, 1.0 - share.idle - share.iowait) for share in shares
    )


def _pairs(
    before: Mapping[str, Counters], after: Mapping[str, Counters]
) -> list[tuple[Counters, Counters]]:
    return [(before[name], after[name]) for name in after if name in before]


def _rate(changes: list[float], elapsed: float) -> float | None:
    if not changes or elapsed <= 0:
        return None
    return sum(max(0.0, change) for change in changes) / elapsed


def _disk_busy(disks: list[tuple[DiskCounters, DiskCounters]], elapsed: float) -> float | None:
    if not disks or elapsed <= 0:
        return None
    most = max(new.busy_seconds - old.busy_seconds for old, new in disks)
    return min(1.0, max(0.0, most / elapsed))


def _network_busy(
    networks: list[tuple[NetworkCounters, NetworkCounters]], elapsed: float
) -> float | None:
    shares = [
        max(new.received_bytes - old.received_bytes, new.sent_bytes - old.sent_bytes, 0.0)
        / elapsed
        / new.speed_bytes_per_second
        for old, new in networks
        if new.speed_bytes_per_second and elapsed > 0
    ]
    return max(shares, default=None)


def _process(name: str, before: Snapshot, after: Snapshot, elapsed: float) -> ProcessSample:
    shares: list[float] = []
    memory_bytes = 0
    for process_id, process in after.processes.items():
        if process.name != name:
            continue
        earlier = before.processes.get(process_id)
        spent = process.cpu_seconds
        if earlier is not None and earlier.started == process.started:
            spent = max(0.0, spent - earlier.cpu_seconds)
        shares.append(spent / elapsed if elapsed > 0 else 0.0)
        memory_bytes += process.memory_bytes
    return ProcessSample(
        name=name,
        count=len(shares),
        cpu_share=sum(shares),
        memory_bytes=memory_bytes,
        busiest_share=max(shares, default=0.0),
    )
