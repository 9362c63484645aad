"""What bounds a task's process from inside: set by itself before the first line of user code."""

import os
import resource
from contextlib import suppress
from pathlib import Path

import msgspec

# The worker must stay quick to answer while tasks compute.
NICENESS = 5
# When the machine runs out of memory, the kernel is to take a task and not the worker or its guard.
OOM_SCORE_ADJUSTMENT = 500


class TaskLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits that the kernel keeps for each process of a task."""

    open_files: int
    """At most this many, or what the system allows when that is less."""
    file_bytes: int
    """Largest file that it may write; 0 means any."""
    cgroup_folder: str
    """The cgroup to join; empty means none."""


def apply_limits(limits: TaskLimits) -> None:
    """Puts this process, and all that it will start, under the limits."""
    if limits.cgroup_folder:
        # Best effort, as all of this is: the watcher of the worker holds where the kernel does not.
        with suppress(OSError):
            Path(limits.cgroup_folder, "cgroup.procs").write_text("0")
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(OOM_SCORE_ADJUSTMENT))
    with suppress(OSError):
        os.nice(NICENESS)
    # A core file of a torch process is gigabytes that nobody asked for.
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, limits.open_files)
    if limits.file_bytes:
        _lower(resource.RLIMIT_FSIZE, limits.file_bytes)


def _lower(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with suppress(OSError, ValueError):
        resource.setrlimit(kind, (bounded, bounded))
