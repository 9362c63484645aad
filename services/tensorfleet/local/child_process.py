"""One operating system process that lives at most as long as this one."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

EXEC_CHILD = Path(__file__).with_name("exec_child.py")
LOG_TAIL_BYTES = 16_384
LOG_TAIL_LINES = 20
LOG_ROTATE_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildCommand:
    """What to run. The child sees only the environment given here."""

    name: str
    program: Path
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    working_dir: Path
    log_path: Path


class ChildProcess:
    """A running child: its own session and process group, its output in a log file.

    The kernel kills the child with SIGKILL when the thread that started it ends, also when this
    process is itself killed: start children from a thread that stays, usually the main thread.
    """

    def __init__(self, command: ChildCommand, process: Process, log_start_bytes: int) -> None:
        self.command = command
        self._process = process
        self._log_start_bytes = log_start_bytes

    @classmethod
    async def start(cls, command: ChildCommand) -> "ChildProcess":
        """Starts the program; that it runs does not yet mean that it answers.

        Raises:
            OSError: The log file cannot be opened or no process can be made. A program that cannot
                be run shows as a child that ends at once, with the reason in its log.
        """
        with _open_log(command.log_path) as log:
            log_start_bytes = log.seek(0, os.SEEK_END)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", str(EXEC_CHILD), str(os.getpid())),
                *(str(command.program), *command.arguments),
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                cwd=command.working_dir,
                env=dict(command.environment),
                start_new_session=True,
            )
        return cls(command, process, log_start_bytes)

    @property
    def pid(self) -> int:
        """Process id, also the id of the process group."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Exit status, negative for a signal; None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Returns the exit status once the child has ended."""
        return await self._process.wait()

    async def stop(self, *, grace_seconds: float) -> int:
        """SIGTERM, then SIGKILL for the whole group once the grace is over. Safe to repeat.

        A grace of zero kills at once.
        """
        try:
            if grace_seconds > 0 and self._process.returncode is None:
                with suppress(ProcessLookupError):
                    self._process.terminate()
                with suppress(TimeoutError):
                    async with asyncio.timeout(grace_seconds):
                        await self._process.wait()
        finally:
            # Whatever the child left in its group goes too, and also when we are cancelled.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        return await self._process.wait()

    def log_tail(self) -> str:
        """The last lines of this child's output, for error messages."""
        return log_tail(self.command.log_path, self._log_start_bytes)


def log_tail(path: Path, start_bytes: int = 0) -> str:
    """The last lines of a log file, but none before a place in it; empty when there is none."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(start_bytes, size - LOG_TAIL_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-LOG_TAIL_LINES:])


def _open_log(path: Path) -> BinaryIO:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if path.stat().st_size > LOG_ROTATE_BYTES:
            path.replace(path.with_name(path.name + ".1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    return os.fdopen(descriptor, "ab")
