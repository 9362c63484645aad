"""A task's processes as one group: started, signalled and swept together."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil

RECORD_FILE = "process.json"


class ProcessRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A group's leader, noted on disk for a sweep by the worker's next start."""

    pid: int
    start_time: float
    """Of the leader, as the kernel tells it: the same pid later is another process."""


async def start_group(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, descriptor: int
) -> Process:
    """Starts a process in a session and group of its own, with its output in pipes.

    Args:
        descriptor: A file descriptor that it inherits.
    """
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        cwd=folder,
        env=dict(environment),
        start_new_session=True,
        pass_fds=(descriptor,),
    )
    with suppress(psutil.NoSuchProcess):
        record = ProcessRecord(
            pid=process.pid, start_time=psutil.Process(process.pid).create_time()
        )
        (folder.parent / RECORD_FILE).write_bytes(msgspec.json.encode(record))
    return process


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
