"""Which processes descend from which, and the memory that they hold, read from /proc."""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

# How old the worker's picture of the machine's processes may be.
FRESH_SECONDS = 0.5


def children_by_parent() -> dict[int, list[int]]:
    """Every process of the machine under its parent's id."""
    children: dict[int, list[int]] = defaultdict(list)
    for name in os.listdir("/proc"):  # noqa: PTH208  many thousand names, ten times a second
        if name.isdigit() and (parent := _parent_of(name)) is not None:
            children[parent].append(int(name))
    return children


def descendants(pid: int, children: dict[int, list[int]] | None = None) -> list[int]:
    """Children, their children and so on, parents before children; `pid` itself is not among them.

    Args:
        pid: The ancestor.
        children: What `children_by_parent` gave; looked up now when absent.
    """
    table = children_by_parent() if children is None else children
    found: list[int] = []
    pending = [pid]
    while pending:
        below = table.get(pending.pop(), [])
        found += below
        pending += below
    return found


def held_bytes(pids: Iterable[int], limit_bytes: int) -> int:
    """Memory that these processes hold and that the kernel could not get back by itself.

    Mapped files (libraries) do not count, tmpfs and shared memory do. Pages that several of them
    share are counted for each of them; only when that is over the limit they are counted properly,
    which costs milliseconds.
    """
    some = list(pids)
    quick = sum(_sum_field(f"/proc/{pid}/status", ("RssAnon:", "RssShmem:")) for pid in some) * 1024
    if quick <= limit_bytes:
        return quick
    exact = sum(
        _sum_field(f"/proc/{pid}/smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")) for pid in some
    )
    # Without smaps_rollup (another user's process, a kernel before 5.4) the quick sum has to do.
    return exact * 1024 or quick


def machine_memory_kills() -> int:
    """How often the kernel killed something for want of memory, since the machine's start."""
    return _sum_field("/proc/vmstat", ("oom_kill ",))


class ProcessTable:
    """The machine's processes as they were a moment ago: one look serves all attempts."""

    def __init__(self) -> None:
        self._children: dict[int, list[int]] = {}
        self._seen_at = -FRESH_SECONDS
        self._lock = asyncio.Lock()

    async def descendants(self, pid: int) -> Sequence[int]:
        """As `descendants`, without the event loop waiting."""
        async with self._lock:
            if time.monotonic() - self._seen_at > FRESH_SECONDS:
                self._children = await asyncio.to_thread(children_by_parent)
                self._seen_at = time.monotonic()
            return descendants(pid, self._children)


def _parent_of(pid: str) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # "pid (name) state parent ...", where the name may hold anything, also parentheses.
    return int(stat[stat.rindex(b")") + 2 :].split(b" ", 2)[1])


def _sum_field(file: str, fields: tuple[str, ...]) -> int:
    try:
        lines = Path(file).read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(fields))
