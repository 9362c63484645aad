"""One process that runs many small tasks, as the worker sees it."""

import asyncio
import mmap
import secrets
import shutil
import socket
import time
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Protocol, cast

import msgspec
import structlog

from tensorfleet.orchestrator.v1 import event_pb2
from tensorfleet.shared.caller import Caller, current_caller
from tensorfleet.worker import attempt_files
from tensorfleet.worker import host_frames as frames
from tensorfleet.worker.artifact_cache import ArtifactCache
from tensorfleet.worker.attempt_limits import AttemptLimits
from tensorfleet.worker.guard_line import GuardLine
from tensorfleet.worker.host_key import HostKey
from tensorfleet.worker.host_output import MarkedLines
from tensorfleet.worker.hosted_task import HostedTask
from tensorfleet.worker.process_group import (
    TaskProcess,
    TaskStart,
    note_process,
    sweep_attempt,
)
from tensorfleet.worker.storage_door import StorageDoor
from tensorfleet.worker.task_environment import task_environment
from tensorfleet.worker.task_process import TaskOrder
from tensorfleet.worker.warm_pool import WarmPool

READ_BYTES = 64 * 1024
TAIL_LINES = 50
READY_SECONDS = 120.0
# How long lines wait for the mark that tells whose they are.
MARK_SECONDS = 0.02
MAX_QUIET_COUNT = 10
LIVE_SECONDS = 0.1
MAX_HELD_LINES = 5_000
CLOSE_SECONDS = 5.0
PIPE_CLOSE_SECONDS = 2.0
# How much work a host has in reserve, so that it never waits for the worker.
AHEAD_SECONDS = 0.02
MAX_AHEAD = 256
# A task that takes this long holds up those behind it: they had better run elsewhere.
LONG_SECONDS = 0.05

log = structlog.get_logger(__name__)


class HostSurroundings(Protocol):
    """What a host uses of its worker."""

    @property
    def attempts_folder(self) -> Path:
        """Where processes have their folders."""
        ...

    @property
    def cache(self) -> ArtifactCache:
        """Code and datasets."""
        ...

    @property
    def storage(self) -> StorageDoor:
        """Where to get them from."""
        ...

    @property
    def limits(self) -> AttemptLimits:
        """What processes may take."""
        ...

    @property
    def warm_pool(self) -> WarmPool:
        """Starts processes."""
        ...


class HostOwner(Protocol):
    """Who is told what happens in a host."""

    def host_ready(self) -> None:
        """It takes tasks."""
        ...

    def tasks_ended(self, host: "HostProcess", ended: frames.TasksEnded) -> None:
        """Tasks ended, and are not the host's any more."""
        ...

    def task_marked(self, host: "HostProcess", number: int, stream: int) -> None:
        """All that a task wrote to this stream was passed on."""
        ...

    def tasks_given_back(self, host: "HostProcess", numbers: Sequence[int]) -> None:
        """Tasks did not run, and are still counted among the host's."""
        ...

    async def lines_written(
        self, number: int, stream: event_pb2.LogStream.ValueType, lines: list[str]
    ) -> None:
        """A task wrote lines; returns when there is room for more."""
        ...


class HostProcess(asyncio.Protocol):
    """Starts, feeds, stops and reaps a host."""

    def __init__(
        self,
        number: int,
        key: HostKey,
        owner: HostOwner,
        surroundings: HostSurroundings,
        gpu_ids: Sequence[int],
    ) -> None:
        self.key = key
        self.gpu_ids = gpu_ids
        self.in_flight: dict[int, HostedTask] = {}
        self.is_ready = False
        self.was_ready = False
        self.is_closing = False
        self.is_stopped = False
        self.run_count = 0
        self.idle_since = time.monotonic()
        self.pid = 0
        """The process itself; 0 before it is known. Its guard is another one."""
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._tail_number = 0
        self._owner = owner
        self._surroundings = surroundings
        self._root = surroundings.attempts_folder / f"host#{number}"
        self._token = secrets.token_bytes(frames.MARK_TOKEN_BYTES)
        self._buffer = frames.FrameBuffer()
        self._transport: asyncio.WriteTransport | None = None
        self._disconnected = asyncio.Event()
        self._progress: mmap.mmap | None = None
        self._seconds_a_task: float | None = None
        self._kill: asyncio.TimerHandle | None = None
        self._line: GuardLine | None = None

    @property
    def running(self) -> tuple[int, float]:
        """Number of the task that runs, or ran last, and since when by `time.monotonic`."""
        if self._progress is None:
            return 0, 0.0
        number, since = frames.PROGRESS.unpack_from(self._progress)
        return number, since

    @property
    def running_task(self) -> HostedTask | None:
        """The task that runs now, as far as can be known."""
        return self.in_flight.get(self.running[0])

    @property
    def room(self) -> int:
        """How many more tasks it should have."""
        if not self.is_ready:
            return 0
        if not self.in_flight:
            return self._depth
        number, since = self.running
        if number in self.in_flight and time.monotonic() - since > LONG_SECONDS:
            return 0
        return self._depth - len(self.in_flight)

    @property
    def _depth(self) -> int:
        if self._seconds_a_task is None:
            return 1
        return min(MAX_AHEAD, 1 + int(AHEAD_SECONDS / max(self._seconds_a_task, 1e-6)))

    async def run(self) -> int:
        """Runs the process from its start to its end; returns its exit status.

        Raises:
            TensorFleetError: What it needs cannot be had.
            OSError: The disk or the system refused.
        """
        current_caller.set(Caller(user=self.key.owner, project=self.key.project))
        async with AsyncExitStack() as stack:
            await asyncio.to_thread(shutil.rmtree, self._root, ignore_errors=True)
            stack.callback(shutil.rmtree, self._root, ignore_errors=True)
            process, line = await self._start(stack)
            exit_status = await self._attend(process, line)
            if not line.is_clear:
                # Somebody killed the guard: what can be found without it goes now.
                await asyncio.to_thread(sweep_attempt, self._root)
            return exit_status

    def give(self, tasks: list[HostedTask]) -> None:
        """Has it run these after those that it has."""
        for task in tasks:
            self.in_flight[task.number] = task
        self._write(frames.RunTasks([(task.number, task.plan) for task in tasks]))

    def ask_back(self, numbers: Sequence[int]) -> None:
        """Asks for tasks that it has not begun; the answer tells which."""
        if numbers:
            self._write(frames.GiveBack(list(numbers)))

    def retire(self) -> None:
        """Lets it end after the tasks that it has; it gets no more."""
        self.is_ready = False
        self.is_closing = True
        transport = self._transport
        if not self.in_flight and transport is not None and not transport.is_closing():
            transport.close()
            self._kill_after(CLOSE_SECONDS)

    def stop(self, grace_seconds: float) -> None:
        """Ends it with what it runs: SIGTERM, and SIGKILL after the grace."""
        if self.is_stopped:
            return
        self.is_ready = False
        self.is_stopped = True
        running, _ = self.running
        self.ask_back([number for number in self.in_flight if number != running])
        if self._line is not None and grace_seconds > 0:
            self._line.terminate()
        self._kill_after(grace_seconds)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        # uvloop's transports are none of asyncio's by class.
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        try:
            messages = [frames.decode_from_host(body) for body in self._buffer.feed(data)]
        except (ValueError, msgspec.DecodeError) as exc:
            log.warning("host's messages are not understood", pid=self.pid, problem=str(exc))
            self.stop(0)
            return
        for message in messages:
            match message:
                case frames.TasksEnded():
                    self._note_pace(message)
                    self._owner.tasks_ended(self, message)
                case frames.GivenBack(numbers=numbers):
                    self._owner.tasks_given_back(self, numbers)
                case frames.HostReady():
                    self.was_ready = True
                    self.is_ready = not (self.is_stopped or self.is_closing)
                    if self.is_closing:
                        self.retire()
                    self._owner.host_ready()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._disconnected.set()

    async def _start(self, stack: AsyncExitStack) -> tuple[TaskProcess, GuardLine]:
        root, plan, around = self._root, self.key.plan(), self._surroundings
        for name in ("work", "scratch", "datasets"):
            (root / name).mkdir(parents=True)
        code = await attempt_files.stage_code(
            self.key.code_artifact_id, root / "work", around.cache, stack
        )
        await attempt_files.stage_datasets(
            plan.datasets, root / "datasets", around.cache, around.storage, stack
        )
        progress_file = root / "progress"
        progress_file.write_bytes(bytes(frames.PROGRESS.size))
        with progress_file.open("r+b") as file:
            self._progress = mmap.mmap(file.fileno(), frames.PROGRESS.size)
        host = frames.HostOrder(progress_file=str(progress_file), mark_token=self._token.hex())
        order = root / "order.json"
        limits = around.limits.for_process(None)
        order.write_bytes(
            msgspec.json.encode(TaskOrder(kind=self.key.kind, plan=plan, limits=limits, host=host))
        )
        line = stack.enter_context(GuardLine(self._note_leader))
        ours, theirs = socket.socketpair()
        with theirs:
            start = TaskStart(
                order_file=order,
                code_folder=code,
                work_folder=root / "work",
                environment=task_environment(
                    plan,
                    root,
                    thread_count=self.key.thread_count,
                    gpu_ids=self.gpu_ids,
                    socket_descriptor=theirs.fileno(),
                ),
                thread_count=self.key.thread_count,
                socket_descriptor=theirs.fileno(),
                guard_descriptor=line.guards_descriptor,
            )
            try:
                process = await around.warm_pool.start(start, plan.preload)
            except BaseException:
                ours.close()
                raise
        line.hand_over()
        self._line = line
        ours.setblocking(False)
        await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=ours)
        log.info("host started", pid=process.pid, kind=self.key.kind)
        return process, line

    async def _attend(self, process: TaskProcess, line: GuardLine) -> int:
        assert process.stdout is not None  # noqa: S101  processes start with pipes
        assert process.stderr is not None  # noqa: S101
        if self.is_stopped:
            line.kill()
        elif not self.is_ready:
            self._kill_after(READY_SECONDS, unless_ready=True)
        hearing = asyncio.create_task(line.listen())
        has_ended = False
        listening = [
            asyncio.create_task(self._pass_lines(pipe, stream, mark))
            for pipe, stream, mark in (
                (process.stdout, event_pb2.LOG_STREAM_STDOUT, frames.STDOUT_MARKED),
                (process.stderr, event_pb2.LOG_STREAM_STDERR, frames.STDERR_MARKED),
            )
        ]
        try:
            exit_status = await line.ended(process)
            has_ended = True
            self.is_ready = False
            await asyncio.wait(listening, timeout=PIPE_CLOSE_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(PIPE_CLOSE_SECONDS):
                    await self._disconnected.wait()
        finally:
            self.is_ready = False
            if self._kill is not None:
                self._kill.cancel()
            if not has_ended:
                await line.kill_surely(process)
            if self._transport is not None:
                self._transport.abort()
            for task in (hearing, *listening):
                task.cancel()
            await asyncio.gather(hearing, *listening, return_exceptions=True)
        return exit_status

    async def _pass_lines(
        self, pipe: asyncio.StreamReader, stream: event_pb2.LogStream.ValueType, mark: int
    ) -> None:
        marked = MarkedLines(self._token)
        loop = asyncio.get_running_loop()
        waiting: list[str] = []
        held, since, quiet_count = 0, 0.0, 0
        while True:
            try:
                async with asyncio.timeout(MARK_SECONDS if waiting else None):
                    chunk = await pipe.read(READ_BYTES)
            except TimeoutError:
                # They are of the task that runs, unless it has ended meanwhile: then its mark is on
                # its way, or may even have come together with the timeout.
                quiet_count += 1
                is_certain = quiet_count > 1 and held == self.running[0]
                if is_certain or quiet_count == MAX_QUIET_COUNT:
                    await self._pass_on(held, stream, waiting)
                    waiting = []
                continue
            ended, rest = marked.feed(chunk)
            for number, lines in ended:
                await self._pass_on(number, stream, waiting + lines)
                waiting = []
                self._owner.task_marked(self, number, mark)
            if not chunk:
                await self._pass_on(self.running[0], stream, waiting + marked.flush())
                return
            if rest and not waiting:
                held, since, quiet_count = self.running[0], loop.time(), 0
            waiting += rest
            if len(waiting) > MAX_HELD_LINES or loop.time() - since > LIVE_SECONDS:
                # A task that writes without a pause is seen live, too.
                is_certain = held == self.running[0]
                if is_certain or len(waiting) > 2 * MAX_HELD_LINES:
                    await self._pass_on(held, stream, waiting)
                    waiting = []

    async def _pass_on(
        self, number: int, stream: event_pb2.LogStream.ValueType, lines: list[str]
    ) -> None:
        if not lines:
            return
        if number != self._tail_number:
            self.tail.clear()
            self._tail_number = number
        self.tail.extend(lines)
        await self._owner.lines_written(number, stream, lines)

    def _note_leader(self, pid: int) -> None:
        self.pid = pid
        note_process(self._root, pid)

    def _note_pace(self, ended: frames.TasksEnded) -> None:
        count = len(ended.results) + len(ended.failures)
        self.run_count += count
        pace = ended.busy_seconds / max(1, count)
        before = pace if self._seconds_a_task is None else self._seconds_a_task
        self._seconds_a_task = (before + pace) / 2
        self.idle_since = time.monotonic()

    def _write(self, message: frames.ToHost) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frames.encode_frame(message))

    def _kill_after(self, seconds: float, *, unless_ready: bool = False) -> None:
        if self._kill is not None:
            self._kill.cancel()

        def kill() -> None:
            if self._line is not None and not (unless_ready and self.was_ready):
                self._line.kill()

        if seconds <= 0:
            kill()
        else:
            self._kill = asyncio.get_running_loop().call_later(seconds, kill)
