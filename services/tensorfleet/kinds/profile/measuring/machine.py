"""The machine that measures: what it is, how fast it is, and what else it does meanwhile."""

import hashlib
import os
import platform
import socket
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from tensorfleet.kinds.profile.measurement import Disturbance, Machine

LIBRARIES = ("numpy", "scipy", "scikit-learn")
YARDSTICK_ROUNDS = 12
YARDSTICK_STEPS = 40_000
IDLE_LOOK_SECONDS = 0.1


def describe_machine(worker: str) -> Machine:
    """What results of this machine are kept with. Takes some 50 ms, for the yardstick."""
    cpu, governor = _cpu_model(), _governor()
    cores = psutil.cpu_count() or 1
    memory_bytes = psutil.virtual_memory().total
    system = f"{platform.system()} {platform.machine()}"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    libraries = _library_versions()
    lasting = (_identity(), cpu, cores, memory_bytes, governor, system, python, libraries)
    return Machine(
        fingerprint=hashlib.sha256(repr(lasting).encode()).hexdigest()[:16],
        worker=worker,
        host=socket.gethostname(),
        cpu=cpu,
        cores=cores,
        memory_bytes=memory_bytes,
        governor=governor,
        system=system,
        python=python,
        libraries=libraries,
        load=os.getloadavg()[0],
        yardstick_seconds=yardstick_seconds(),
    )


def yardstick_seconds() -> float:
    """How long a fixed piece of Python's work takes here: the least of several rounds.

    Arithmetic, calls, a list and a dictionary that fit into any cache: what results of two machines
    are divided by when they have to be compared all the same. It says nothing about their memory
    or their vector units.
    """
    return min(_yardstick_round() for _ in range(YARDSTICK_ROUNDS))


def _yardstick_round() -> float:
    begin = time.perf_counter()
    values = list(range(256))
    counts: dict[int, int] = {}
    for step in range(YARDSTICK_STEPS):
        key = (values[step & 255] * 31 + step) & 63
        counts[key] = counts.get(key, 0) + 1
    return time.perf_counter() - begin


def _cpu_model() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _governor() -> str:
    with suppress(OSError):
        return Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").read_text().strip()
    return ""


def _identity() -> str:
    # Containers of one machine may have names of their own; the machine's boot they share.
    for file in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        with suppress(OSError):
            if found := Path(file).read_text().strip():
                return found
    return socket.gethostname()


def _library_versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def idlest_cpu() -> int | None:
    """The CPU that did least in the last moment, of those that this process may use.

    What is compared should run on one of them: two are not equally fast at one time, least of all
    when they belong to a virtual machine. None when there is but one, or the system does not tell.
    """
    try:
        allowed = sorted(os.sched_getaffinity(0))
        busy = psutil.cpu_percent(interval=IDLE_LOOK_SECONDS, percpu=True)
    except (AttributeError, OSError, psutil.Error):
        return None
    known = [cpu for cpu in allowed if cpu < len(busy)]
    # Of equal ones the last: the first is who mostly answers interrupts.
    return min(reversed(known), key=busy.__getitem__) if len(known) > 1 else None


class DisturbanceWatch:
    """Adds up what the machine did besides the measured processes, over several stretches."""

    def __init__(self) -> None:
        self._wall = self._others = self._steal = 0.0

    def begin(self) -> None:
        """A stretch begins."""
        self._began = (time.monotonic(), *_machine_cpu_seconds(), _own_cpu_seconds())

    def end(self, lanes_cpu_seconds: float) -> None:
        """The stretch ends; in it, the lanes used that much."""
        wall, busy, steal, own = (
            after - before
            for before, after in zip(
                self._began,
                (time.monotonic(), *_machine_cpu_seconds(), _own_cpu_seconds()),
                strict=True,
            )
        )
        self._wall += wall
        self._others += busy - own - lanes_cpu_seconds
        self._steal += steal

    @property
    def found(self) -> Disturbance:
        """Means over all stretches, in cores."""
        if self._wall <= 0:
            return Disturbance()
        return Disturbance(
            other_cpu_share=round(max(0.0, self._others / self._wall), 4),
            steal_share=round(max(0.0, self._steal / self._wall), 4),
        )


def _machine_cpu_seconds() -> tuple[float, float]:
    """Of all cores: busy for anybody here, and taken by the hypervisor for others."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    steal = getattr(times, "steal", 0.0)
    # Guests' time is part of user's and nice's.
    guests = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return sum(times) - idle - steal - guests, steal


def _own_cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system
