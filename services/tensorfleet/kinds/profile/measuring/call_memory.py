"""The memory that one call needs: resident, of children, and as Python's allocators count it."""

import gc
import resource
import threading
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tensorfleet.kinds.profile.measurement import Memory

SAMPLE_SECONDS = 0.005
# "5" resets the peak of resident memory (VmHWM); see proc(5), Linux 4.0 and later.
_RESET_PEAK = "5"


def memory_of(call: Callable[[], Any]) -> Memory:
    """Runs a call and sees how far resident memory grows.

    The kernel keeps the process's own peak; children are looked at every five milliseconds, so that
    one that lives shorter may be missed in the sum (its own peak is taken when it has ended).
    """
    gc.collect()
    _reset_peak()
    before = psutil.Process().memory_info().rss
    with _ChildrenWatch() as children:
        kept = call()
    own_peak = _peak_bytes()
    del kept
    # Of a child that came and went between two looks, the kernel knows the peak.
    ended_peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    children_peak = max(children.peak_bytes, ended_peak if children.has_seen_any else 0)
    return Memory(
        before_bytes=before,
        peak_bytes=max(before, own_peak) + children_peak,
        children_peak_bytes=children_peak,
    )


def allocated_by(call: Callable[[], Any]) -> int:
    """Runs a call under `tracemalloc`: the most that it had of Python's allocators, in bytes."""
    gc.collect()
    tracemalloc.start(1)
    try:
        begin, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        kept = call()
        _, peak = tracemalloc.get_traced_memory()
        del kept
    finally:
        tracemalloc.stop()
    return max(0, peak - begin)


def _reset_peak() -> None:
    # Where the kernel forbids it, the peak since the start of the process counts.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK)


def _peak_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return psutil.Process().memory_info().rss


class _ChildrenWatch:
    """Looks at the children of this process from a thread of its own."""

    def __init__(self) -> None:
        self.peak_bytes = 0
        self.has_seen_any = False
        self._ended_before = _ended_children_peak()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory-of-children", daemon=True)

    def __enter__(self) -> "_ChildrenWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if _ended_children_peak() > self._ended_before:
            self.has_seen_any = True

    def _watch(self) -> None:
        this = psutil.Process()
        while not self._stop.wait(SAMPLE_SECONDS):
            with suppress(psutil.Error):
                children = this.children(recursive=True)
                if children:
                    self.has_seen_any = True
                    self.peak_bytes = max(self.peak_bytes, sum(map(_resident, children)))


def _resident(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return process.memory_info().rss
    return 0


def _ended_children_peak() -> int:
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
