"""Control groups (cgroup v2) for attempts, on machines that let the worker make them.

With them the kernel itself bounds memory, processor time and the number of processes of an attempt,
and kills all of them in one step. Without them, guards and watchers do (docs/adr/0012).
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import structlog

CONTROLLERS = ("memory", "cpu", "pids")
CPU_PERIOD_MICROSECONDS = 100_000
MAX_PROCESSES = 32_768
WORKER_GROUP = "tensorfleet-worker"

log = structlog.get_logger(__name__)


class AttemptCgroup:
    """One attempt's group: a folder of the kernel's files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def bounds_memory(self) -> bool:
        """Whether the kernel keeps the memory limit, so that nobody has to watch it."""
        return (self.folder / "memory.max").exists()

    def limit(self, *, memory_bytes: int, cpus: float) -> None:
        """Sets the limits that this machine's kernel keeps here; 0 means none."""
        if memory_bytes:
            self._write("memory.max", str(memory_bytes))
            # Otherwise a task over its limit crawls instead of ending.
            self._write("memory.swap.max", "0")
            # One of its processes missing is worse than none left: end them together.
            self._write("memory.oom.group", "1")
        if cpus:
            quota = max(1_000, int(cpus * CPU_PERIOD_MICROSECONDS))
            self._write("cpu.max", f"{quota} {CPU_PERIOD_MICROSECONDS}")
        self._write("pids.max", str(MAX_PROCESSES))

    @property
    def was_out_of_memory(self) -> bool:
        """Whether the kernel killed something here for its memory."""
        try:
            events = (self.folder / "memory.events").read_text()
        except OSError:
            return False
        return any(
            int(count) > 0
            for name, count in re.findall(r"^(\w+) (\d+)$", events, re.MULTILINE)
            if name in ("oom_kill", "oom_group_kill")
        )

    @property
    def peak_bytes(self) -> int:
        """The most memory that it has used; 0 when the kernel does not tell."""
        try:
            return int((self.folder / "memory.peak").read_text())
        except (OSError, ValueError):
            return 0

    def kill(self) -> bool:
        """Kills every process in it, in one step. True when there was one."""
        try:
            if not (self.folder / "cgroup.procs").read_text().strip():
                return False
        except OSError:
            return False
        self._write("cgroup.kill", "1")
        return True

    def remove(self) -> None:
        """Removes the group once it is empty; one that is not is left for the next start."""
        with suppress(OSError):
            self.folder.rmdir()

    def _write(self, name: str, value: str) -> None:
        with suppress(OSError):
            (self.folder / name).write_text(value)


class CgroupHome:
    """Where this worker's attempts get their groups."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def find(cls, name: str, root: Path | None = None) -> "CgroupHome | None":
        """The place for a worker of this name; None where the kernel bounds no memory for us.

        To end processes alone, guards are enough.

        Args:
            name: Unique among the workers of the machine.
            root: The worker's own group; found out when absent.
        """
        own = own_cgroup() if root is None else root
        if own is None:
            return None
        folder = own / f"tensorfleet-{name}"
        try:
            folder.mkdir(exist_ok=True)
            _enable_controllers(own)
            _enable_controllers(folder)
            if "memory" in (folder / "cgroup.subtree_control").read_text():
                return cls(folder)
            problem = "no memory controller for us"
        except OSError as exc:
            problem = str(exc)
        log.info("attempts get no cgroups", problem=problem)
        with suppress(OSError):
            folder.rmdir()
        return None

    def open(self, attempt: str) -> AttemptCgroup | None:
        """Makes the group of an attempt; None when the kernel refuses."""
        folder = self._folder / re.sub(r"[^\w.-]", "_", attempt)
        try:
            folder.mkdir(exist_ok=True)
        except OSError as exc:
            log.warning("attempt gets no cgroup", problem=str(exc))
            return None
        return AttemptCgroup(folder)

    def left(self) -> Iterator[AttemptCgroup]:
        """Every group that is there: at a start, those of the worker's last life."""
        for folder in self._folder.iterdir():
            if folder.is_dir():
                yield AttemptCgroup(folder)

    def close(self) -> None:
        """Removes what is empty."""
        for group in self.left():
            group.remove()
        with suppress(OSError):
            self._folder.rmdir()


def own_cgroup() -> Path | None:
    """The folder of the cgroup (v2) that this process is in."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        memberships = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    inside = next((line[3:] for line in memberships if line.startswith("0::")), None)
    for line in mounts:
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 ") and inside is not None:
            return Path(before.split()[4] + inside)
    return None


def _enable_controllers(folder: Path) -> None:
    """Lets groups below the folder have limits, as far as the kernel and its owner let us."""
    available = (folder / "cgroup.controllers").read_text().split()
    wanted = [name for name in CONTROLLERS if name in available]
    for name in wanted:
        try:
            (folder / "cgroup.subtree_control").write_text(f"+{name}")
        except OSError as exc:
            # A group with processes in it cannot have limited groups below it; when the only
            # process is this worker, as under systemd with Delegate=yes, it steps aside.
            if exc.errno != errno.EBUSY or not _step_aside(folder):
                return
            with suppress(OSError):
                (folder / "cgroup.subtree_control").write_text(f"+{name}")


def _step_aside(folder: Path) -> bool:
    if (folder / "cgroup.procs").read_text().split() != [str(os.getpid())]:
        return False
    aside = folder / WORKER_GROUP
    aside.mkdir(exist_ok=True)
    (aside / "cgroup.procs").write_text("0")
    return True
