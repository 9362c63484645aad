"""Watches one attempt from outside: its memory, its disk, and whether its process still lives."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from tensorfleet.worker.attempt_end import Stop, StopCause
from tensorfleet.worker.cgroup import AttemptCgroup
from tensorfleet.worker.disk_use import used_bytes
from tensorfleet.worker.process_tree import ProcessTable, held_bytes, machine_memory_kills

LOOK_SECONDS = 1.0
# A look at a million files takes seconds: the next one waits so long that looking takes at most
# this part of the time.
DISK_LOOK_SHARE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What an attempt may use. Zero means any amount."""

    memory_bytes: int
    disk_bytes: int
    silence_seconds: float


class AttemptWatch:
    """Looks every second, until something is over its bound."""

    def __init__(
        self,
        bounds: Bounds,
        folder: Path,
        table: ProcessTable,
        cgroup: AttemptCgroup | None,
        silence: Callable[[], bool],
    ) -> None:
        """Makes a watch.

        Args:
            bounds: What the attempt may use.
            folder: Its own folder.
            table: The worker's picture of the machine's processes.
            cgroup: Its group, if it has one.
            silence: Whether nothing came from a process that ought to speak since the last call.
        """
        self._bounds = bounds
        self._folder = folder
        self._table = table
        self._cgroup = cgroup
        self._is_silent = silence
        self._silent_seconds = 0.0
        self._last_used_bytes = 0
        self._next_disk_look = 0.0
        self._machine_kills = machine_memory_kills()

    async def run(self, guard_pid: int) -> Stop:
        """Returns when the attempt has to be stopped, and why."""
        looks: list[Callable[[float], Awaitable[Stop | None]]] = []
        if self._bounds.memory_bytes and not (self._cgroup and self._cgroup.bounds_memory):
            looks.append(lambda _elapsed: self._look_at_memory(guard_pid))
        if self._bounds.disk_bytes:
            looks.append(lambda _elapsed: self._look_at_disk())
        if self._bounds.silence_seconds:
            looks.append(self._listen)
        looked_at = time.monotonic()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = time.monotonic()
            # A worker that was itself stopped for a while has not listened all that time.
            elapsed, looked_at = min(now - looked_at, 2 * LOOK_SECONDS), now
            for look in looks:
                if (stop := await look(elapsed)) is not None:
                    return stop

    async def judge_end(self, exit_status: int) -> Stop | None:
        """Whether a process that ended badly by itself ran into a bound between two looks."""
        if self._cgroup is not None and self._cgroup.was_out_of_memory:
            return self._out_of_memory(self._cgroup.peak_bytes)
        if exit_status == -signal.SIGKILL and machine_memory_kills() > self._machine_kills:
            return Stop(
                cause=StopCause.OUT_OF_MEMORY,
                message="the machine had no memory left and the kernel killed it; it held "
                f"{_mib(self._last_used_bytes)} when last looked at, and its limit is "
                f"{_mib(self._bounds.memory_bytes)}; use less, or ask for what it needs",
            )
        if exit_status and self._bounds.disk_bytes:
            self._next_disk_look = 0.0
            return await self._look_at_disk()
        return None

    async def _look_at_memory(self, guard_pid: int) -> Stop | None:
        pids = await self._table.descendants(guard_pid)
        limit = self._bounds.memory_bytes
        used = await asyncio.to_thread(held_bytes, pids, limit)
        self._last_used_bytes = used
        return self._out_of_memory(used) if used > limit else None

    def _out_of_memory(self, used: int) -> Stop:
        return Stop(
            cause=StopCause.OUT_OF_MEMORY,
            message=f"it used {_mib(used)} of memory and its limit is "
            f"{_mib(self._bounds.memory_bytes)}; ask for more (resources.memory), or use less",
        )

    async def _look_at_disk(self) -> Stop | None:
        began = time.monotonic()
        if began < self._next_disk_look:
            return None
        used = await asyncio.to_thread(used_bytes, self._folder)
        took = time.monotonic() - began
        self._next_disk_look = began + took / DISK_LOOK_SHARE
        limit = self._bounds.disk_bytes
        if used < limit:
            return None
        return Stop(
            cause=StopCause.DISK_LIMIT,
            message=f"its files took {_mib(used)} of disk and the worker's limit is {_mib(limit)} "
            "(TENSORFLEET_WORKER_TASK_DISK_BYTES); write less, or remove what is not needed",
        )

    async def _listen(self, elapsed: float) -> Stop | None:
        self._silent_seconds = self._silent_seconds + elapsed if self._is_silent() else 0.0
        if self._silent_seconds < self._bounds.silence_seconds:
            return None
        return Stop(
            cause=StopCause.HUNG,
            message=f"its process gave no sign of life for {self._silent_seconds:.0f} s "
            "(TENSORFLEET_WORKER_SILENCE_SECONDS): stopped, or stuck outside Python",
        )


def _mib(number: int) -> str:
    return f"{number / 1024**2:,.0f} MiB"
