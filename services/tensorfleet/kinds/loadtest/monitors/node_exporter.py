"""A node exporter's page as a machine's counters."""

from collections import defaultdict
from collections.abc import Mapping

from tensorfleet.kinds.loadtest.monitors.device_names import outer_interfaces, whole_disks
from tensorfleet.kinds.loadtest.monitors.exposition import metrics
from tensorfleet.kinds.loadtest.monitors.snapshot import (
    CpuTimes,
    DiskCounters,
    NetworkCounters,
    Snapshot,
)

_Family = dict[str, float]


def snapshot_of_page(page: str, *, at: float) -> Snapshot:
    """The counters in a page of Prometheus's node exporter for Linux.

    Raises:
        ValueError: It is no such page.
    """
    cores: dict[str, dict[str, float]] = defaultdict(dict)
    devices: dict[str, _Family] = defaultdict(dict)
    plain: _Family = {}
    for metric in metrics(page):
        if metric.name == "node_cpu_seconds_total":
            core = cores[metric.labels.get("cpu", "")]
            core[metric.labels.get("mode", "")] = metric.value
        elif "device" in metric.labels:
            devices[metric.name][metric.labels["device"]] = metric.value
        elif not metric.labels:
            plain[metric.name] = metric.value
    if not cores:
        raise ValueError(
            "it has no node_cpu_seconds_total; a node exporter's page is needed "
            "(http://HOST:9100/metrics)"
        )
    times = {name: _cpu_times(modes) for name, modes in cores.items()}
    return Snapshot(
        at=at,
        cpu=_sum(list(times.values())),
        cores=times,
        memory_total_bytes=_whole(plain.get("node_memory_MemTotal_bytes")),
        memory_used_bytes=_used(
            plain, "node_memory_MemTotal_bytes", "node_memory_MemAvailable_bytes"
        ),
        swap_used_bytes=_used(plain, "node_memory_SwapTotal_bytes", "node_memory_SwapFree_bytes"),
        disks=_disks(devices),
        networks=_networks(devices),
        load_average=plain.get("node_load1"),
    )


def _cpu_times(modes: Mapping[str, float]) -> CpuTimes:
    return CpuTimes(
        user=modes.get("user", 0.0) + modes.get("nice", 0.0),
        system=modes.get("system", 0.0) + modes.get("irq", 0.0) + modes.get("softirq", 0.0),
        idle=modes.get("idle", 0.0),
        iowait=modes.get("iowait", 0.0),
        steal=modes.get("steal", 0.0),
    )


def _sum(cores: list[CpuTimes]) -> CpuTimes:
    return CpuTimes(
        user=sum(core.user for core in cores),
        system=sum(core.system for core in cores),
        idle=sum(core.idle for core in cores),
        iowait=sum(core.iowait for core in cores),
        steal=sum(core.steal for core in cores),
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _used(plain: _Family, total: str, free: str) -> int | None:
    if total not in plain or free not in plain:
        return None
    return int(plain[total] - plain[free])


def _disks(devices: Mapping[str, _Family]) -> dict[str, DiskCounters]:
    read = devices.get("node_disk_read_bytes_total", {})
    written = devices.get("node_disk_written_bytes_total", {})
    busy = devices.get("node_disk_io_time_seconds_total", {})
    present = read.keys() & written.keys() & busy.keys()
    return {
        name: DiskCounters(
            read_bytes=read[name], written_bytes=written[name], busy_seconds=busy[name]
        )
        for name in sorted(whole_disks(present))
    }


def _networks(devices: Mapping[str, _Family]) -> dict[str, NetworkCounters]:
    received = devices.get("node_network_receive_bytes_total", {})
    sent = devices.get("node_network_transmit_bytes_total", {})
    speeds = devices.get("node_network_speed_bytes", {})
    return {
        name: NetworkCounters(
            received_bytes=received[name],
            sent_bytes=sent[name],
            # Unknown is -1 Mbit/s there.
            speed_bytes_per_second=speed if (speed := speeds.get(name, -1.0)) > 0 else None,
        )
        for name in sorted(outer_interfaces(received.keys() & sent.keys()))
    }
