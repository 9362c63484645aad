"""A task's processes: how they start, and how those that a dead worker left are found."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
import psutil

RECORD_FILE = "process.json"
SWEEP_SECONDS = 2.0

# Variables of the worker's own environment that a task's process may see. Never its secrets.
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "CUDA_HOME", "SSL_CERT_FILE")

# Marks what a worker starts, and so whatever that starts, with the worker's or attempt's folder.
MARK_VARIABLE = "TENSORFLEET_TASK_OF"


class TaskProcess(Protocol):
    """A started attempt, by its guard, which ends like the task's process and after it."""

    @property
    def pid(self) -> int:
        """The guard's process id."""
        ...

    @property
    def stdout(self) -> asyncio.StreamReader | None:
        """What it writes to standard output."""
        ...

    @property
    def stderr(self) -> asyncio.StreamReader | None:
        """What it writes to standard error."""
        ...

    async def wait(self) -> int:
        """The exit status of the task's process once all have ended, negative for a signal."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStart:
    """What a task's process starts with.

    The descriptors are its end of the connection to the worker, and its guard's.
    """

    order_file: Path
    code_folder: Path | None
    work_folder: Path
    environment: Mapping[str, str]
    thread_count: int
    socket_descriptor: int
    guard_descriptor: int


class ProcessRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A group's leader, noted on disk for a sweep by the worker's next start."""

    pid: int
    start_time: float
    """Of the leader, as the kernel tells it: the same pid later is another process."""


def passed_on() -> dict[str, str]:
    """What every task's process gets of the worker's environment."""
    return {name: os.environ[name] for name in (*PASSED_ON, MARK_VARIABLE) if name in os.environ}


async def start_cold(start: TaskStart) -> TaskProcess:
    """Starts a new Python, which splits into the task's process and its guard."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tensorfleet.worker.task_process"),
        *(str(os.getpid()), str(start.guard_descriptor)),
        *(str(start.order_file), str(start.code_folder or "")),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        cwd=start.work_folder,
        env=dict(start.environment),
        start_new_session=True,
        pass_fds=(start.socket_descriptor, start.guard_descriptor),
    )


def note_process(folder: Path, pid: int) -> None:
    """Notes the leader of an attempt's session on disk, for `sweep_attempt`."""
    with suppress(psutil.NoSuchProcess):
        record = ProcessRecord(pid=pid, start_time=psutil.Process(pid).create_time())
        (folder / RECORD_FILE).write_bytes(msgspec.json.encode(record))


def mark_processes(folder: Path) -> None:
    """Marks every process that this one starts from now on, for `sweep_marked`."""
    os.environ[MARK_VARIABLE] = str(folder)


def sweep_marked(folder: Path) -> int:
    """Kills every process that is marked with the folder or one below it; tells how many.

    Guards end what is theirs; this is for the case that a guard was killed itself.
    """
    count = 0
    # A process may fork while we look, so it takes a round that finds nothing.
    while left := [process for process in psutil.process_iter() if _is_marked(process.pid, folder)]:
        for process in left:
            with suppress(psutil.Error):
                process.kill()
        _, alive = psutil.wait_procs(left, timeout=SWEEP_SECONDS)
        count += len(left)
        if alive:
            break
    return count


def _is_marked(pid: int, folder: Path) -> bool:
    prefix = f"{MARK_VARIABLE}={folder}".encode()
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    marks = (entry for entry in environment.split(b"\0") if entry.startswith(prefix))
    return any(mark[len(prefix) :][:1] in (b"", b"/") for mark in marks)


def sweep_attempt(folder: Path) -> int:
    """Kills what a dead worker or guard left of an attempt: what has its mark or its session."""
    count = sweep_marked(folder)
    try:
        record = msgspec.json.decode((folder / RECORD_FILE).read_bytes(), type=ProcessRecord)
    except (OSError, msgspec.DecodeError):
        return count
    left = [process for process in psutil.process_iter() if _belongs_to(process, record)]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return count + len(left)


def _belongs_to(process: psutil.Process, record: ProcessRecord) -> bool:
    try:
        # A session id outlives its leader; a leader that is there must be the one we started.
        if os.getsid(process.pid) != record.pid:
            return False
        return process.pid != record.pid or process.create_time() == record.start_time
    except (OSError, psutil.NoSuchProcess):
        return False
