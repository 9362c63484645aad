"""Watching the machine that this runs on."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from tensorfleet.kinds.loadtest.monitors.grid import moments
from tensorfleet.kinds.loadtest.monitors.proc_files import (
    FILES,
    kernel_name,
    process_name,
    snapshot_from,
    speed_in_bytes,
)
from tensorfleet.kinds.loadtest.monitors.snapshot import Snapshot, sample_between
from tensorfleet.kinds.loadtest.monitors.source import SampleSink


class LocalSource:
    """This machine, by its /proc."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        interval_seconds: float,
        process_names: tuple[str, ...] = (),
    ) -> None:
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._process_names = process_names

    async def watch(self, sink: SampleSink) -> None:
        """Samples until it is cancelled."""
        if not Path("/proc/stat").exists():
            sink.problem("This machine has no /proc: it cannot be watched. Linux is needed.")
            sink.settled()
            return
        before: Snapshot | None = None
        async for _ in moments(self._clock, self._interval_seconds):
            after = await asyncio.to_thread(local_snapshot, self._clock, self._process_names)
            if before is not None:
                sink.add(
                    sample_between(before, after, at=after.at, process_names=self._process_names)
                )
            else:
                sink.cores(len(after.cores))
                sink.settled()
            before = after


def local_snapshot(clock: Callable[[], float], process_names: tuple[str, ...] = ()) -> Snapshot:
    """This machine's counters now. It reads files, which takes a millisecond, or some with very
    many processes: not for an event loop."""
    at = clock()
    files = {path: Path(path).read_text() for path in FILES if Path(path).exists()}
    if process_names:
        files.update(_process_files(process_names))
    return snapshot_from(
        files,
        at=at,
        ticks_per_second=os.sysconf("SC_CLK_TCK"),
        page_bytes=os.sysconf("SC_PAGE_SIZE"),
        speeds=_speeds(),
        process_names=process_names,
    )


def _process_files(names: tuple[str, ...]) -> dict[str, str]:
    asked = {kernel_name(name) for name in names}
    found: dict[str, str] = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        path = f"/proc/{entry.name}/stat"
        try:
            text = Path(path).read_text(errors="replace")
        except OSError:  # it has ended
            continue
        if process_name(text) in asked:
            found[path] = text
    return found


def _speeds() -> dict[str, float]:
    found: dict[str, float] = {}
    for path in Path("/sys/class/net").glob("*/speed"):
        try:
            speed = speed_in_bytes(path.read_text())
        except OSError:  # interfaces without a link refuse to tell
            continue
        if speed is not None:
            found[path.parent.name] = speed
    return found
