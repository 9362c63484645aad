"""The worker's end of the socket to an attempt's guard; see guard."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

import structlog

from tensorfleet.worker.guard import CLEAR, KILL, LEADER, MAX_MESSAGE_BYTES, TERMINATE
from tensorfleet.worker.process_group import TaskProcess
from tensorfleet.worker.process_tree import descendants

# A guard kills within milliseconds. One that was itself stopped or killed does not.
GUARD_SECONDS = 5.0

log = structlog.get_logger(__name__)


class GuardLine:
    """Tells a guard what to do, and hears what it did. Closed, it means: kill everything."""

    def __init__(self, on_leader: Callable[[int], None]) -> None:
        """Makes a line; `on_leader` is told the process that leads the task's session and group."""
        self._on_leader = on_leader
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.setblocking(False)
        self._clear: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def __enter__(self) -> "GuardLine":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ours.close()
        self._theirs.close()

    @property
    def guards_descriptor(self) -> int:
        """The guard's end, until `hand_over`."""
        return self._theirs.fileno()

    def hand_over(self) -> None:
        """The guard has its end now."""
        self._theirs.close()

    async def listen(self) -> None:
        """Hears the guard until it ends."""
        loop = asyncio.get_running_loop()
        with suppress(ConnectionError):
            while message := await loop.sock_recv(self._ours, MAX_MESSAGE_BYTES):
                if message.startswith(CLEAR):
                    self._clear.set_result(int(message.removeprefix(CLEAR)))
                elif message.startswith(LEADER):
                    self._on_leader(int(message.removeprefix(LEADER)))

    @property
    def is_clear(self) -> bool:
        """Whether the guard has told that no process of the attempt is left."""
        return self._clear.done()

    async def ended(self, process: TaskProcess) -> int:
        """The exit status of the task's process once nothing of the attempt is left.

        The guard tells it before it ends itself: a process that has torch takes a while for that.
        A guard that was killed tells nothing, and its own end has to do.
        """
        waiting = asyncio.create_task(process.wait())
        try:
            await asyncio.wait({waiting, self._clear}, return_when=asyncio.FIRST_COMPLETED)
            return self._clear.result() if self._clear.done() else waiting.result()
        finally:
            waiting.cancel()

    def terminate(self) -> None:
        """SIGTERM to the task's group."""
        self._tell(TERMINATE)

    def kill(self) -> None:
        """SIGKILL to every process of the attempt."""
        self._tell(KILL)

    async def kill_surely(self, process: TaskProcess) -> None:
        """Kills every process of the attempt, also when its guard does not answer."""
        self.kill()
        with suppress(TimeoutError):
            async with asyncio.timeout(GUARD_SECONDS):
                await self.ended(process)
                return
        log.warning("guard does not answer", pid=process.pid)
        for pid in [*await asyncio.to_thread(descendants, process.pid), process.pid]:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def _tell(self, message: bytes) -> None:
        with suppress(OSError):
            self._ours.send(message)
