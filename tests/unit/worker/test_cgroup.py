"""Control groups: a folder of files; the kernel's own where the machine lets the test have one."""

import subprocess
import sys
from pathlib import Path

import pytest

from tensorfleet.worker.attempt_end import StopCause
from tensorfleet.worker.attempt_watch import AttemptWatch, Bounds
from tensorfleet.worker.cgroup import AttemptCgroup, CgroupHome, own_cgroup
from tensorfleet.worker.process_tree import ProcessTable
from tests.deadlines import eventually

MIB = 1024**2

# Joins a group, and has a child that leaves its session.
JOINING = """
import os, pathlib, sys, time
pathlib.Path(sys.argv[1]).write_text("0")
if os.fork() == 0:
    os.setsid()
os.write(1, b"x")
time.sleep(1000)
"""


def played_root(tmp_path: Path, controllers: str) -> Path:
    """What a worker finds that may make groups; nobody acts on what is written."""
    (tmp_path / "cgroup.controllers").write_text(controllers)
    (tmp_path / "cgroup.procs").write_text("1\n")
    return tmp_path


def new_cgroup(name: str) -> AttemptCgroup | None:
    own = own_cgroup()
    return CgroupHome(own).open(name) if own is not None else None


def test_machine_without_a_memory_controller_is_left_as_it_was(tmp_path: Path) -> None:
    root = played_root(tmp_path, "cpu pids")
    assert CgroupHome.find("w", root=root) is None


async def test_attempt_that_the_kernel_killed_for_its_memory_says_so(tmp_path: Path) -> None:
    (tmp_path / "memory.events").write_text("low 0\nmax 7\noom 1\noom_kill 1\noom_group_kill 0\n")
    (tmp_path / "memory.peak").write_text(f"{130 * MIB}\n")
    bounds = Bounds(memory_bytes=128 * MIB, disk_bytes=0, silence_seconds=0)
    cgroup = AttemptCgroup(tmp_path)
    watch = AttemptWatch(bounds, tmp_path, ProcessTable(), cgroup, lambda: False)
    stop = await watch.judge_end(-9)
    assert stop is not None
    assert stop.cause is StopCause.OUT_OF_MEMORY
    assert "used 130 MiB" in stop.message
    assert "limit is 128 MiB" in stop.message


async def test_other_end_is_not_taken_for_one_by_memory(tmp_path: Path) -> None:
    (tmp_path / "memory.events").write_text("low 0\nmax 7\noom 0\noom_kill 0\n")
    bounds = Bounds(memory_bytes=128 * MIB, disk_bytes=0, silence_seconds=0)
    cgroup = AttemptCgroup(tmp_path)
    watch = AttemptWatch(bounds, tmp_path, ProcessTable(), cgroup, lambda: False)
    assert await watch.judge_end(-9) is None


def test_limits_are_written_as_the_kernel_reads_them(tmp_path: Path) -> None:
    AttemptCgroup(tmp_path).limit(memory_bytes=128 * MIB, cpus=1.5)
    written = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert written == {
        "memory.max": str(128 * MIB),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "cpu.max": "150000 100000",
        "pids.max": "32768",
    }


def test_machine_that_gives_no_groups_is_taken_as_it_is(tmp_path: Path) -> None:
    assert CgroupHome.find("w", root=tmp_path / "missing") is None
    (tmp_path / "file").write_text("")
    assert CgroupHome.find("w", root=tmp_path / "file") is None


def test_controllers_are_enabled_for_the_groups_below(tmp_path: Path) -> None:
    root = played_root(tmp_path, "hugetlb io memory")
    played_root_of_worker = root / "tensorfleet-w"
    played_root_of_worker.mkdir()
    played_root(played_root_of_worker, "memory")
    assert CgroupHome.find("w", root=root) is not None
    assert (root / "cgroup.subtree_control").read_text() == "+memory"
    assert (played_root_of_worker / "cgroup.subtree_control").read_text() == "+memory"


def kill_two_processes_in(cgroup: AttemptCgroup) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", JOINING, str(cgroup.folder / "cgroup.procs")],
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.read(2) == b"xx"
        assert cgroup.kill()
        assert process.wait(timeout=5) == -9


async def test_kernel_kills_a_group_in_one_step() -> None:
    cgroup = new_cgroup("tensorfleet-test-of-the-kernel")
    if cgroup is None:
        pytest.skip("this machine lets the test make no cgroups")

    def is_removed() -> bool:
        # The second process may take a moment longer to be gone.
        cgroup.remove()
        return not cgroup.folder.exists()

    try:
        kill_two_processes_in(cgroup)
        await eventually(is_removed)
        assert not cgroup.kill()
    finally:
        cgroup.remove()
