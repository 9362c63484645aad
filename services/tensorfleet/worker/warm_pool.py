"""Tasks' processes forked from one that has imported what they need; see warm_process."""

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import msgspec
import structlog

from tensorfleet.worker.process_group import TaskProcess, TaskStart, passed_on, start_cold
from tensorfleet.worker.warm_messages import (
    MAX_MESSAGE_BYTES,
    Ended,
    FromWarmProcess,
    Ready,
    Started,
    StartTask,
)

# An import that hangs must not hang every task after it.
READY_SECONDS = 120.0

log = structlog.get_logger(__name__)

_decoder: msgspec.json.Decoder[FromWarmProcess] = msgspec.json.Decoder(FromWarmProcess)


class WarmProcessLost(Exception):
    """The warm process ended or does not get ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkedProcess:
    """A task's process that the warm process forked, and will reap."""

    pid: int
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader
    ended: "asyncio.Future[int]"

    async def wait(self) -> int:
        """Its exit status once it has ended."""
        return await asyncio.shield(self.ended)


class WarmPool:
    """Starts tasks warm where that is possible, else cold.

    One warm process for each list of modules, started when the first task asks for it and ended
    when none has for a while: it holds some hundred MiB.
    """

    def __init__(self, idle_seconds: float) -> None:
        self._idle_seconds = idle_seconds
        self._hosts: dict[tuple[str, ...], _WarmHost] = {}
        self._lock = asyncio.Lock()

    async def start(self, start: TaskStart, preload: Sequence[str]) -> TaskProcess:
        """Starts a task's process; warm when modules to preload are named and installed."""
        modules = tuple(preload)
        if not modules or not self._idle_seconds or not all(map(_is_installed, modules)):
            return await start_cold(start)
        try:
            host = await self._host(modules)
            return await host.start(start)
        except (WarmProcessLost, OSError) as exc:
            log.warning("warm start failed, starting cold", problem=str(exc))
            if (lost := self._hosts.pop(modules, None)) is not None:
                await lost.close()
            return await start_cold(start)

    async def close(self) -> None:
        """Ends the warm processes; the kernel then ends the tasks that they forked."""
        for host in self._hosts.values():
            await host.close()
        self._hosts.clear()

    async def close_idle(self) -> None:
        """Ends warm processes that have been of no use for long; for ever, now and then."""
        while True:
            await asyncio.sleep(self._idle_seconds / 10 or 60)
            now = asyncio.get_running_loop().time()
            for modules, host in list(self._hosts.items()):
                if not host.is_busy and now - host.last_use > self._idle_seconds:
                    del self._hosts[modules]
                    await host.close()
                    log.info("idle warm process ended", modules=modules)

    async def _host(self, modules: tuple[str, ...]) -> "_WarmHost":
        async with self._lock:
            host = self._hosts.get(modules)
            if host is None or host.is_lost:
                host = await _WarmHost.launch(modules)
                self._hosts[modules] = host
            host.touch()
            return host


class _WarmHost:
    """One warm process and its children."""

    def __init__(self, process: asyncio.subprocess.Process, connection: socket.socket) -> None:
        self._process = process
        self._connection = connection
        self._requests = 0
        self._started: dict[int, asyncio.Future[int]] = {}
        self._ended: dict[int, asyncio.Future[int]] = {}
        # A child may end before we know that it began.
        self._early_ends: dict[int, int] = {}
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reader = asyncio.create_task(self._read())
        self.last_use = 0.0
        self.is_lost = False

    @classmethod
    async def launch(cls, modules: Sequence[str]) -> "_WarmHost":
        """Starts a warm process and waits until it has imported everything."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tensorfleet.worker.warm_process"),
                *(str(os.getpid()), str(theirs.fileno()), *modules),
                stdin=asyncio.subprocess.DEVNULL,
                env={**passed_on(), "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"},
                start_new_session=True,
                pass_fds=(theirs.fileno(),),
            )
        host = cls(process, ours)
        try:
            async with asyncio.timeout(READY_SECONDS):
                await host._ready
        except (TimeoutError, WarmProcessLost) as exc:
            await host.close()
            raise WarmProcessLost("it did not get ready") from exc
        log.info("warm process ready", pid=process.pid, modules=list(modules))
        return host

    @property
    def is_busy(self) -> bool:
        """Whether children of it run."""
        return bool(self._ended or self._started)

    def touch(self) -> None:
        """Notes that it is of use."""
        self.last_use = asyncio.get_running_loop().time()

    async def start(self, start: TaskStart) -> ForkedProcess:
        """Has a child forked for a task.

        Raises:
            WarmProcessLost: It ended instead.
        """
        self._requests += 1
        number = self._requests
        loop = asyncio.get_running_loop()
        self._started[number] = loop.create_future()
        request = StartTask(
            request=number,
            order_file=str(start.order_file),
            code_folder=str(start.code_folder or ""),
            work_folder=str(start.work_folder),
            environment=dict(start.environment),
            thread_count=start.thread_count,
        )
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        try:
            stdout, stderr = await _reader_of(out_read), await _reader_of(err_read)
            message = msgspec.json.encode(request)
            if len(message) > MAX_MESSAGE_BYTES:
                raise WarmProcessLost("the task's environment is too large to be sent")
            descriptors = [out_write, err_write, start.socket_descriptor, start.guard_descriptor]
            socket.send_fds(self._connection, [message], descriptors)
            pid = await self._started[number]
        finally:
            del self._started[number]
            os.close(out_write)
            os.close(err_write)
        self.touch()
        ended: asyncio.Future[int] = loop.create_future()
        if pid in self._early_ends:
            ended.set_result(self._early_ends.pop(pid))
        else:
            self._ended[pid] = ended
        return ForkedProcess(pid=pid, stdout=stdout, stderr=stderr, ended=ended)

    async def close(self) -> None:
        """Ends the process, whatever it does."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        self._lose()
        self._connection.close()

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while message := await loop.sock_recv(self._connection, MAX_MESSAGE_BYTES):
                self._handle(_decoder.decode(message))
        except OSError as exc:
            log.warning("warm process does not answer", problem=str(exc))
        finally:
            self._lose()

    def _handle(self, message: FromWarmProcess) -> None:
        match message:
            case Ready():
                self._ready.set_result(None)
            case Started(request=request, pid=pid):
                self._started[request].set_result(pid)
            case Ended(pid=pid, exit_status=status):
                if (future := self._ended.pop(pid, None)) is not None:
                    future.set_result(status)
                else:
                    self._early_ends[pid] = status

    def _lose(self) -> None:
        # The guards of its tasks kill these when it ends, so theirs is a known end.
        self.is_lost = True
        for future in self._ended.values():
            future.set_result(-9)
        self._ended.clear()
        waiting: list[asyncio.Future[Any]] = [self._ready, *self._started.values()]
        for future in waiting:
            if not future.done():
                future.set_exception(WarmProcessLost("the warm process ended"))
        # Nobody may be waiting for it.
        self._ready.exception()


async def _reader_of(descriptor: int) -> asyncio.StreamReader:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    return reader


def _is_installed(module: str) -> bool:
    return find_spec(module) is not None
