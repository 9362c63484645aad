"""The conductor's hold on a lane: starts it, asks it, watches its memory and its time, ends it."""

import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

from tensorfleet.kinds.profile.measurement import Problem
from tensorfleet.kinds.profile.measuring import messages

# How often the conductor looks at a working lane: seldom, as looking takes time of the machine.
LOOK_SECONDS = 0.05
SET_UP_SECONDS = 120.0
_PAGE_BYTES = resource.getpagesize()

_A = TypeVar("_A", bound=messages.Message)


class LaneFailed(Exception):
    """A lane could not do what was asked. It may be dead then, and asked nothing more."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class Stopped(Exception):
    """The fleet wants the task to end."""


class LaneProcess:
    """A started lane."""

    def __init__(
        self,
        *,
        memory_bytes: int = 0,
        cpu: int | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Starts a Python process of its own.

        Args:
            memory_bytes: It is killed when it and its children have more; 0 means any amount.
            cpu: The only one that it may run on; None: any.
            should_stop: Looked at while the lane works.
        """
        self._memory_bytes = memory_bytes
        self._should_stop = should_stop
        self._connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "tensorfleet.kinds.profile.measuring.lane"),
                    str(theirs.fileno()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                # So that what the function starts can be ended with it.
                process_group=0,
            )
        if cpu is not None:
            with suppress(OSError):
                os.sched_setaffinity(self._process.pid, {cpu})

    def __enter__(self) -> "LaneProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def ask(self, command: messages.Message, answer: type[_A], seconds: float) -> _A:
        """Sends a command and waits for its answer.

        Raises:
            LaneFailed: It failed, died, took longer, or has too much memory.
            Stopped: The fleet wants the task to end.
        """
        with suppress(ConnectionError):
            self._connection.send(messages.encode(command))
        packet = self._wait(seconds)
        got = messages.decode_answer(packet) if packet else None
        if isinstance(got, messages.Failed):
            raise LaneFailed(got.problem)
        if not isinstance(got, answer):
            raise LaneFailed(self._describe_death())
        return got

    def end(self) -> None:
        """Kills the lane and everything that it started."""
        self._connection.close()
        with suppress(ProcessLookupError, PermissionError):
            for child in self._descendants():
                child.send_signal(signal.SIGKILL)
        self._process.kill()
        self._process.wait()

    def _wait(self, seconds: float) -> bytes:
        deadline = time.monotonic() + seconds
        while True:
            ready, _, _ = select.select([self._connection], [], [], LOOK_SECONDS)
            if ready:
                with suppress(ConnectionError):
                    return self._connection.recv(messages.MAX_MESSAGE_BYTES)
                return b""
            if self._should_stop():
                self.end()
                raise Stopped
            if time.monotonic() > deadline:
                self.end()
                raise LaneFailed(
                    Problem(
                        code="TIMEOUT",
                        message=f"it did not return within {seconds:.3g} s; raise "
                        "measuring.call_seconds, or measure smaller sizes",
                    )
                )
            if self._memory_bytes and self._resident_bytes() > self._memory_bytes:
                self.end()
                raise LaneFailed(
                    Problem(
                        code="OUT_OF_MEMORY",
                        message=f"it needs more than {self._memory_bytes / 2**20:,.0f} MiB; give "
                        "the job more memory (resources.memory), or measure smaller sizes",
                    )
                )

    def _describe_death(self) -> Problem:
        self.end()
        status = self._process.returncode
        how = f"with exit status {status}"
        if status < 0:
            with suppress(ValueError):
                how = f"by signal {signal.Signals(-status).name}"
        return Problem(code="PROCESS_DIED", message=f"the process that ran it ended {how}")

    def _resident_bytes(self) -> int:
        try:
            own = Path(f"/proc/{self._process.pid}/statm").read_text().split()
        except OSError:
            return 0
        total = int(own[1]) * _PAGE_BYTES
        for child in self._descendants():
            with suppress(psutil.Error):
                total += child.memory_info().rss
        return total

    def _descendants(self) -> list[psutil.Process]:
        # Cheap when there are none, which is nearly always: reading one file.
        try:
            threads = Path(f"/proc/{self._process.pid}/task").iterdir()
            if not any((thread / "children").read_text().strip() for thread in threads):
                return []
            return psutil.Process(self._process.pid).children(recursive=True)
        except (OSError, psutil.Error):
            return []
