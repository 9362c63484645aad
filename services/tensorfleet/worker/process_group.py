"""A task's processes as one group: started, signalled and swept together."""

import asyncio
import os
import signal
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

# Variables of the worker's own environment that a task's process may see. Never its secrets.
PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "CUDA_HOME", "SSL_CERT_FILE")


class TaskProcess(Protocol):
    """A started process, the leader of its session and group."""

    @property
    def pid(self) -> int:
        """Its process id, and its group's."""
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
        """Its exit status once it has ended, negative for a signal."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStart:
    """What a task's process starts with. The socket is its end of the connection to the worker."""

    order_file: Path
    code_folder: Path | None
    work_folder: Path
    environment: Mapping[str, str]
    thread_count: int
    socket_descriptor: int


class ProcessRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A group's leader, noted on disk for a sweep by the worker's next start."""

    pid: int
    start_time: float
    """Of the leader, as the kernel tells it: the same pid later is another process."""


def passed_on() -> dict[str, str]:
    """What every task's process gets of the worker's environment."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ}


async def start_cold(start: TaskStart) -> TaskProcess:
    """Starts a new Python in a session and group of its own."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tensorfleet.worker.task_process"),
        *(str(os.getpid()), str(start.order_file), str(start.code_folder or "")),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        cwd=start.work_folder,
        env=dict(start.environment),
        start_new_session=True,
        pass_fds=(start.socket_descriptor,),
    )


def note_process(folder: Path, pid: int) -> None:
    """Notes an attempt's leader on disk, for `sweep_group`."""
    with suppress(psutil.NoSuchProcess):
        record = ProcessRecord(pid=pid, start_time=psutil.Process(pid).create_time())
        (folder / RECORD_FILE).write_bytes(msgspec.json.encode(record))


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signals every process of the group, if any is left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def sweep_group(folder: Path) -> bool:
    """Kills what a worker that died left running of an attempt. True when there was something."""
    try:
        record = msgspec.json.decode((folder / RECORD_FILE).read_bytes(), type=ProcessRecord)
    except (OSError, msgspec.DecodeError):
        return False
    left = [process for process in psutil.process_iter() if _belongs_to(process, record)]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return bool(left)


def _belongs_to(process: psutil.Process, record: ProcessRecord) -> bool:
    try:
        # A session id outlives its leader; a leader that is there must be the one we started.
        if os.getsid(process.pid) != record.pid:
            return False
        return process.pid != record.pid or process.create_time() == record.start_time
    except (OSError, psutil.NoSuchProcess):
        return False
