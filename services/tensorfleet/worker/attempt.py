"""One attempt at a task on this machine, from the assignment to its told end."""

import asyncio
import shutil
import signal
import socket
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import structlog

from tensorfleet.kinds.task_plan import TaskPlan
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as dispatch_pb
from tensorfleet.orchestrator.v1 import event_pb2, failure_pb2, resources_pb2, task_pb2
from tensorfleet.shared import task_channel as channel
from tensorfleet.shared.caller import Caller, current_caller
from tensorfleet.shared.errors import LeaseLost, TensorFleetError
from tensorfleet.worker import attempt_files
from tensorfleet.worker.artifact_cache import ArtifactCache
from tensorfleet.worker.attempt_end import StopCause, describe_end
from tensorfleet.worker.attempt_files import AttemptFiles
from tensorfleet.worker.keeper import OutputKeeper
from tensorfleet.worker.output_lines import LineSplitter
from tensorfleet.worker.process_group import (
    TaskProcess,
    TaskStart,
    note_process,
    signal_group,
)
from tensorfleet.worker.report import AttemptReport
from tensorfleet.worker.storage_door import StorageDoor
from tensorfleet.worker.task_connection import TaskConnection
from tensorfleet.worker.task_environment import task_environment
from tensorfleet.worker.task_process import TaskOrder
from tensorfleet.worker.warm_pool import WarmPool

READ_BYTES = 16 * 1024
TAIL_LINES = 50
# After the group was killed, only something that left its session can still hold a pipe open.
PIPE_CLOSE_SECONDS = 2.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an attempt uses of its worker."""

    attempts_folder: Path
    cache: ArtifactCache
    storage: StorageDoor
    warm_pool: WarmPool


class RunningAttempt:
    """Stages files, runs the process, passes on what it says, and tells how it ended."""

    def __init__(
        self,
        assignment: dispatch_pb.Assignment,
        task: dispatch_pb.AssignedTask,
        report: AttemptReport,
        surroundings: Surroundings,
        gpu_ids: Sequence[int],
    ) -> None:
        self.assignment = assignment
        self.task = task
        self.report = report
        self.gpu_ids = gpu_ids
        self._surroundings = surroundings
        self._keeper = OutputKeeper(assignment, task.ref, surroundings.storage, report)
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._process: TaskProcess | None = None
        self._connection: TaskConnection | None = None
        self._stop_cause: StopCause | None = None
        self._stop_asked = asyncio.Event()
        self._stop_grace_seconds = 0.0
        self._is_abandoned = False

    @property
    def ref(self) -> dispatch_pb.AttemptRef:
        """Which attempt: the fencing token."""
        return self.task.ref

    @property
    def resources(self) -> resources_pb2.Resources:
        """What it occupies."""
        return self.assignment.resources

    async def run(self) -> None:
        """Runs to the end and tells it. Raises only when it is cancelled."""
        current_caller.set(Caller(user=self.assignment.owner, project=self.assignment.project))
        ref = self.task.ref
        root = self._surroundings.attempts_folder / f"{ref.task_id}#{ref.attempt}"
        finished = dispatch_pb.AttemptFinished(ref=ref)
        try:
            async with AsyncExitStack() as stack:
                await asyncio.to_thread(shutil.rmtree, root, ignore_errors=True)
                stack.callback(shutil.rmtree, root, ignore_errors=True)
                exit_status = await self._run_in(root, stack)
            outcome, failure = describe_end(
                exit_status=exit_status,
                stop_cause=self._stop_cause,
                timeout_seconds=self.assignment.attempt_timeout.ToTimedelta().total_seconds(),
                output_tail=list(self._tail),
            )
        except LeaseLost:
            self._is_abandoned = True
            outcome, failure = task_pb2.ATTEMPT_OUTCOME_LOST, None
        except TensorFleetError as exc:
            outcome = task_pb2.ATTEMPT_OUTCOME_FAILED
            failure = failure_pb2.Failure(
                reason="STAGING_FAILED", message=f"the task could not be prepared: {exc}"
            )
        except OSError as exc:
            outcome = task_pb2.ATTEMPT_OUTCOME_FAILED
            failure = failure_pb2.Failure(
                reason="STAGING_FAILED", message=f"the worker's disk or system refused: {exc}"
            )
        except Exception as exc:
            log.exception("attempt failed unexpectedly")
            outcome = task_pb2.ATTEMPT_OUTCOME_LOST
            failure = failure_pb2.Failure(
                reason="INTERNAL",
                message=f"the worker failed with {type(exc).__name__}; its log says more",
            )
        if self._is_abandoned:
            await self.report.close()
            return
        finished.outcome = outcome
        if failure is not None:
            finished.failure.CopyFrom(failure)
        finished.outputs.extend(self._keeper.outputs)
        self.report.finish(finished)

    def stop(self, cause: StopCause, grace_seconds: float) -> None:
        """Lets the process end: message and SIGTERM, then SIGKILL after the grace."""
        if not self._stop_asked.is_set():
            self._stop_cause = cause
            self._stop_grace_seconds = grace_seconds
            self._stop_asked.set()

    def abandon(self) -> None:
        """Kills the process and tells nothing: the task runs elsewhere by now."""
        self._is_abandoned = True
        self._stop_grace_seconds = 0.0
        self._stop_asked.set()
        if self._process is not None:
            signal_group(self._process.pid, signal.SIGKILL)

    async def _run_in(self, root: Path, stack: AsyncExitStack) -> int:
        plan = msgspec.json.decode(self.task.task_json, type=TaskPlan)
        files = await attempt_files.stage(
            self.assignment,
            self.task.ref,
            plan,
            root,
            self._surroundings.cache,
            self._surroundings.storage,
            stack,
        )
        order = root / "order.json"
        order.write_bytes(msgspec.json.encode(TaskOrder(kind=self.assignment.kind, plan=plan)))
        ours, theirs = socket.socketpair()
        with theirs:
            if self._stop_asked.is_set():
                ours.close()
                return -signal.SIGKILL
            start = TaskStart(
                order_file=order,
                code_folder=files.code,
                work_folder=files.work,
                environment=self._environment(plan, files, theirs.fileno()),
                thread_count=self._thread_count,
                socket_descriptor=theirs.fileno(),
            )
            process = await self._surroundings.warm_pool.start(start, plan.preload)
        self._process = process
        note_process(root, process.pid)
        log.info("task's process started", pid=process.pid)
        self._connection = TaskConnection(
            self._welcome(plan, files), self.report.add, self._keeper.save
        )
        return await self._attend(process, ours)

    async def _attend(self, process: TaskProcess, ours: socket.socket) -> int:
        assert process.stdout is not None  # noqa: S101  processes start with pipes
        assert process.stderr is not None  # noqa: S101
        assert self._connection is not None  # noqa: S101
        stopping = asyncio.create_task(self._stop_when_asked(process))
        listening = [
            asyncio.create_task(self._pass_lines(process.stdout, event_pb2.LOG_STREAM_STDOUT)),
            asyncio.create_task(self._pass_lines(process.stderr, event_pb2.LOG_STREAM_STDERR)),
            asyncio.create_task(self._connection.serve(ours)),
        ]
        try:
            exit_status = await process.wait()
            # Whatever the process left behind goes too; then the pipes end.
            signal_group(process.pid, signal.SIGKILL)
            await asyncio.wait(listening[:2], timeout=PIPE_CLOSE_SECONDS)
            await asyncio.wait(listening[2:], timeout=PIPE_CLOSE_SECONDS)
        finally:
            signal_group(process.pid, signal.SIGKILL)
            for task in (stopping, *listening):
                task.cancel()
            await asyncio.gather(stopping, *listening, return_exceptions=True)
        return exit_status

    async def _stop_when_asked(self, process: TaskProcess) -> None:
        limit = self.assignment.attempt_timeout.ToTimedelta().total_seconds()
        try:
            async with asyncio.timeout(limit or None):
                await self._stop_asked.wait()
        except TimeoutError:
            self.stop(StopCause.TIMEOUT, grace_seconds=5.0)
        if self._connection is not None and self._stop_cause is not None:
            await self._connection.ask_to_stop(self._stop_cause.value)
        if self._stop_grace_seconds > 0:
            signal_group(process.pid, signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._stop_grace_seconds):
                    await process.wait()
        signal_group(process.pid, signal.SIGKILL)

    async def _pass_lines(
        self, pipe: asyncio.StreamReader, stream: event_pb2.LogStream.ValueType
    ) -> None:
        splitter = LineSplitter()
        while chunk := await pipe.read(READ_BYTES):
            await self._add_lines(stream, splitter.feed(chunk))
        await self._add_lines(stream, splitter.flush())

    async def _add_lines(self, stream: event_pb2.LogStream.ValueType, lines: list[str]) -> None:
        if not lines:
            return
        self._tail.extend(lines)
        event = event_pb2.Event(log=event_pb2.LogLines(stream=stream, lines=lines))
        event.time.GetCurrentTime()
        await self.report.add(event)

    def _welcome(self, plan: TaskPlan, files: AttemptFiles) -> channel.Welcome:
        ref = self.task.ref
        return channel.Welcome(
            protocol=channel.PROTOCOL,
            job_id=self.assignment.job_id,
            task_id=ref.task_id,
            attempt=ref.attempt,
            job_name=self.assignment.job_name,
            params=plan.params,
            datasets=files.datasets,
            resume_point=files.resume_point,
            scratch_folder=str(files.scratch),
        )

    @property
    def _thread_count(self) -> int:
        return max(1, int(self.assignment.resources.cpus))

    def _environment(self, plan: TaskPlan, files: AttemptFiles, descriptor: int) -> dict[str, str]:
        environment = task_environment(
            plan,
            thread_count=self._thread_count,
            gpu_ids=self.gpu_ids,
            scratch=files.scratch,
            datasets_folder=files.datasets_folder,
            descriptor=descriptor,
        )
        environment[channel.INDEX_VARIABLE] = str(self.task.index)
        environment[channel.COUNT_VARIABLE] = str(self.assignment.task_count)
        return environment
