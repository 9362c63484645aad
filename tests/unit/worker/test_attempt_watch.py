"""What makes a watch end an attempt, and what does not."""

import asyncio
import os
from pathlib import Path

from tensorfleet.worker.attempt_end import StopCause
from tensorfleet.worker.attempt_watch import AttemptWatch, Bounds
from tensorfleet.worker.process_tree import ProcessTable

MIB = 1024**2


def watch(folder: Path, *, is_silent: bool = False, **bounds: float) -> AttemptWatch:
    given = {"memory_bytes": 0, "disk_bytes": 0, "silence_seconds": 0, **bounds}
    return AttemptWatch(
        Bounds(**given),  # type: ignore[arg-type]
        folder,
        ProcessTable(),
        None,
        lambda: is_silent,
    )


async def test_silence_for_too_long_is_a_hang(tmp_path: Path) -> None:
    async with asyncio.timeout(10):
        stop = await watch(tmp_path, is_silent=True, silence_seconds=1.5).run(os.getpid())
    assert stop.cause is StopCause.HUNG


async def test_files_over_the_disk_bound_end_the_attempt(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 2 * MIB)
    async with asyncio.timeout(10):
        stop = await watch(tmp_path, disk_bytes=MIB).run(os.getpid())
    assert stop.cause is StopCause.DISK_LIMIT
    assert "took 2 MiB" in stop.message


async def test_failure_with_the_disk_full_is_one_by_the_disk_and_others_are_not(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_bytes(b"x" * 2 * MIB)
    stop = await watch(tmp_path, disk_bytes=MIB).judge_end(1)
    assert stop is not None
    assert stop.cause is StopCause.DISK_LIMIT
    assert await watch(tmp_path, disk_bytes=10 * MIB).judge_end(1) is None
