"""Reading a Linux machine's counters from the texts of its /proc, as proc(5) describes them."""

import re
from collections.abc import Mapping

from tensorfleet.kinds.loadtest.monitors.device_names import outer_interfaces, whole_disks
from tensorfleet.kinds.loadtest.monitors.snapshot import (
    CpuTimes,
    DiskCounters,
    NetworkCounters,
    ProcessCounters,
    Snapshot,
)

KIBIBYTE = 1024
# Of /proc/diskstats, whatever the disk's own sectors are.
SECTOR_BYTES = 512
# The kernel keeps so much of a process's name.
PROCESS_NAME_LENGTH = 15
FILES = ("/proc/stat", "/proc/meminfo", "/proc/diskstats", "/proc/net/dev", "/proc/loadavg")
_PROCESS_FILE = re.compile(r"/proc/(\d+)/stat")


def snapshot_from(
    files: Mapping[str, str],
    *,
    at: float,
    ticks_per_second: int,
    page_bytes: int,
    speeds: Mapping[str, float],
    process_names: tuple[str, ...] = (),
) -> Snapshot:
    """A machine's counters.

    Args:
        files: The texts of `FILES` and of `/proc/PID/stat` of the chosen processes, by path; what
            is missing is not told.
        at: When they were read, in seconds on a clock that only goes forward.
        ticks_per_second: The kernel's unit of time (`getconf CLK_TCK`).
        page_bytes: The kernel's unit of memory (`getconf PAGESIZE`).
        speeds: Of interfaces, in bytes a second, where known.
        process_names: As they were asked for; the kernel's are cut to 15 characters.

    Raises:
        ValueError: A file does not look as proc(5) says.
    """
    cpu, cores = _cpu_times(files.get("/proc/stat", ""))
    memory = _memory(files.get("/proc/meminfo", ""))
    return Snapshot(
        at=at,
        cpu=cpu,
        cores=cores,
        memory_total_bytes=memory.get("MemTotal"),
        memory_used_bytes=_difference(memory, "MemTotal", "MemAvailable"),
        swap_used_bytes=_difference(memory, "SwapTotal", "SwapFree"),
        disks=_disks(files.get("/proc/diskstats", "")),
        networks=_networks(files.get("/proc/net/dev", ""), speeds),
        load_average=_load_average(files.get("/proc/loadavg", "")),
        processes=_processes(files, process_names, ticks_per_second, page_bytes),
    )


def kernel_name(name: str) -> str:
    """A process's name as the kernel keeps it."""
    return name.encode()[:PROCESS_NAME_LENGTH].decode(errors="replace")


def process_name(stat: str) -> str:
    """The name in a process's `stat`; it may have spaces and parentheses itself."""
    return stat[stat.index("(") + 1 : stat.rindex(")")]


def _cpu_times(text: str) -> tuple[CpuTimes | None, dict[str, CpuTimes]]:
    total: CpuTimes | None = None
    cores: dict[str, CpuTimes] = {}
    for line in text.splitlines():
        if not line.startswith("cpu"):
            continue
        name, *values = line.split()
        # A guest's time is in user's already.
        user, nice, system, idle, iowait, irq, softirq, steal = (
            [float(value) for value in values] + [0.0] * 8
        )[:8]
        times = CpuTimes(
            user=user + nice,
            system=system + irq + softirq,
            idle=idle,
            iowait=iowait,
            steal=steal,
        )
        if name == "cpu":
            total = times
        else:
            cores[name] = times
    return total, cores


def _memory(text: str) -> dict[str, int]:
    memory: dict[str, int] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if value.endswith(" kB"):
            memory[name] = int(value.split()[0]) * KIBIBYTE
    return memory


def _difference(memory: Mapping[str, int], total: str, free: str) -> int | None:
    if total not in memory or free not in memory:
        return None
    return memory[total] - memory[free]


def _disks(text: str) -> dict[str, DiskCounters]:
    rows = {fields[2]: fields for fields in map(str.split, text.splitlines()) if len(fields) > 12}
    return {
        name: DiskCounters(
            read_bytes=int(rows[name][5]) * SECTOR_BYTES,
            written_bytes=int(rows[name][9]) * SECTOR_BYTES,
            busy_seconds=int(rows[name][12]) / 1000,
        )
        for name in sorted(whole_disks(rows))
    }


def _networks(text: str, speeds: Mapping[str, float]) -> dict[str, NetworkCounters]:
    rows: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, colon, values = line.rpartition(":")
        if colon:
            rows[name.strip()] = values.split()
    return {
        name: NetworkCounters(
            received_bytes=int(rows[name][0]),
            sent_bytes=int(rows[name][8]),
            speed_bytes_per_second=speeds.get(name),
        )
        for name in sorted(outer_interfaces(rows))
    }


def _load_average(text: str) -> float | None:
    return float(text.split()[0]) if text.strip() else None


def _processes(
    files: Mapping[str, str], names: tuple[str, ...], ticks_per_second: int, page_bytes: int
) -> dict[int, ProcessCounters]:
    asked = {kernel_name(name): name for name in names}
    found: dict[int, ProcessCounters] = {}
    for path, text in files.items():
        match = _PROCESS_FILE.fullmatch(path)
        if match is None or (name := asked.get(process_name(text))) is None:
            continue
        # Counted from the third field on, the state.
        fields = text[text.rindex(")") + 1 :].split()
        found[int(match[1])] = ProcessCounters(
            name=name,
            started=float(fields[19]),
            cpu_seconds=(int(fields[11]) + int(fields[12])) / ticks_per_second,
            memory_bytes=int(fields[21]) * page_bytes,
        )
    return found


def speed_in_bytes(text: str) -> float | None:
    """The speed in an interface's `/sys/class/net/NAME/speed` (Mbit/s), in bytes a second; None
    where it is not known, as of most virtual machines."""
    try:
        megabits = int(text)
    except ValueError:
        return None
    return megabits * 1e6 / 8 if megabits > 0 else None
