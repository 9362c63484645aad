"""One attempt at a task on this machine, from the assignment to its told end."""

import asyncio
import shutil
import signal
import socket
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
from tensorfleet.worker.attempt_end import Stop, StopCause, describe_end, staging_failure
from tensorfleet.worker.attempt_files import AttemptFiles
from tensorfleet.worker.attempt_limits import AttemptLimits
from tensorfleet.worker.attempt_output import AttemptOutput
from tensorfleet.worker.attempt_watch import AttemptWatch
from tensorfleet.worker.cgroup import AttemptCgroup, CgroupHome
from tensorfleet.worker.fleet_door import FleetDoor
from tensorfleet.worker.guard_line import GuardLine
from tensorfleet.worker.keeper import OutputKeeper
from tensorfleet.worker.process_group import (
    TaskProcess,
    TaskStart,
    note_process,
    sweep_attempt,
)
from tensorfleet.worker.process_tree import ProcessTable
from tensorfleet.worker.report import AttemptReport
from tensorfleet.worker.storage_door import StorageDoor
from tensorfleet.worker.task_connection import TaskConnection
from tensorfleet.worker.task_environment import task_environment
from tensorfleet.worker.task_process import TaskOrder
from tensorfleet.worker.warm_pool import WarmPool

# Once a guard has ended, only something that it could not kill can still hold a pipe open.
PIPE_CLOSE_SECONDS = 2.0
TIMEOUT_GRACE_SECONDS = 5.0
# A process that is stopped reads nothing; SIGTERM and SIGKILL must not wait for it.
ASK_SECONDS = 0.2

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an attempt uses of its worker."""

    attempts_folder: Path
    worker_name: str
    cache: ArtifactCache
    storage: StorageDoor
    fleet: FleetDoor
    warm_pool: WarmPool
    limits: AttemptLimits
    processes: ProcessTable
    cgroups: CgroupHome | None


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
        self._output = AttemptOutput(report, surroundings.limits.output_bytes)
        self._connection: TaskConnection | None = None
        self._line: GuardLine | None = None
        self._process: TaskProcess | None = None
        self._stop: Stop | None = None
        self._stop_asked = asyncio.Event()
        self._stop_grace_seconds = 0.0
        self._is_abandoned = False
        self._has_ended = False

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
                stop=self._stop,
                output_tail=self._output.tail,
            )
        except LeaseLost:
            self._is_abandoned = True
            outcome, failure = task_pb2.ATTEMPT_OUTCOME_LOST, None
        except (TensorFleetError, OSError) as exc:
            outcome = task_pb2.ATTEMPT_OUTCOME_FAILED
            failure = staging_failure(exc)
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
        if outcome == task_pb2.ATTEMPT_OUTCOME_SUCCEEDED and self._connection is not None:
            finished.result_json = self._connection.result_json
        self.report.finish(finished)
        if self._process is not None:
            # The guard tells the end a little before its own.
            with suppress(TimeoutError):
                async with asyncio.timeout(PIPE_CLOSE_SECONDS):
                    await self._process.wait()

    def stop(self, cause: StopCause, grace_seconds: float) -> None:
        """Lets the process end: message and SIGTERM, then SIGKILL after the grace."""
        self._end_for(Stop(cause=cause), grace_seconds)

    def abandon(self) -> None:
        """Kills the process and tells nothing: the task runs elsewhere by now."""
        self._is_abandoned = True
        self._stop_grace_seconds = 0.0
        self._stop_asked.set()
        if self._line is not None:
            self._line.kill()

    def _end_for(self, stop: Stop, grace_seconds: float = 0.0) -> None:
        # The first reason counts, and none after the process has ended by itself.
        if not self._stop_asked.is_set() and not self._has_ended:
            self._stop = stop
            self._stop_grace_seconds = grace_seconds
            self._stop_asked.set()

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
        cgroup = self._open_cgroup(root, stack)
        limits = self._surroundings.limits.for_process(cgroup)
        peer_host = await self._surroundings.fleet.peer_host.find()
        order = root / "order.json"
        order.write_bytes(
            msgspec.json.encode(
                TaskOrder(
                    kind=self.assignment.kind,
                    plan=plan,
                    limits=limits,
                    codes={artifact_id: str(folder) for artifact_id, folder in files.codes.items()},
                    code_artifact_id=self.assignment.code_artifact_id,
                    worker=self._surroundings.worker_name,
                    index=self.task.index,
                    task_count=self.assignment.task_count,
                    peer_host=peer_host,
                    cpus=self.assignment.resources.cpus,
                    memory_bytes=self.assignment.resources.memory_bytes,
                )
            )
        )
        connection = self._connection = TaskConnection(
            self._welcome(plan, files), self.report.add, self._keeper.save, self._answer
        )
        watch = AttemptWatch(
            self._surroundings.limits.bounds(self.assignment.resources),
            root,
            self._surroundings.processes,
            cgroup,
            connection.take_silence,
        )
        line = stack.enter_context(GuardLine(lambda pid: note_process(root, pid)))
        ours, theirs = socket.socketpair()
        with theirs:
            if self._stop_asked.is_set():
                ours.close()
                return -signal.SIGKILL
            start = TaskStart(
                order_file=order,
                code_folder=files.code,
                work_folder=files.work,
                environment=self._environment(plan, root, theirs.fileno(), peer_host),
                thread_count=self._thread_count,
                socket_descriptor=theirs.fileno(),
                guard_descriptor=line.guards_descriptor,
            )
            process = await self._surroundings.warm_pool.start(start, plan.preload)
        line.hand_over()
        self._line = line
        self._process = process
        log.info("task's process started", pid=process.pid)
        exit_status = await self._attend(process, line, connection, ours, watch)
        if not line.is_clear:
            # Somebody killed the guard: what can be found without it goes now.
            swept = await asyncio.to_thread(sweep_attempt, root)
            log.warning("guard was lost", swept_count=swept)
        if exit_status and self._stop is None:
            self._stop = await watch.judge_end(exit_status)
        return exit_status

    async def _attend(
        self,
        process: TaskProcess,
        line: GuardLine,
        connection: TaskConnection,
        ours: socket.socket,
        watch: AttemptWatch,
    ) -> int:
        assert process.stdout is not None  # noqa: S101  processes start with pipes
        assert process.stderr is not None  # noqa: S101
        output = self._output
        listening = [
            asyncio.create_task(output.pass_on(process.stdout, event_pb2.LOG_STREAM_STDOUT)),
            asyncio.create_task(output.pass_on(process.stderr, event_pb2.LOG_STREAM_STDERR)),
            asyncio.create_task(connection.serve(ours)),
            asyncio.create_task(line.listen()),
        ]
        caring = [
            asyncio.create_task(self._stop_when_asked(process, line, connection)),
            asyncio.create_task(self._stop_when_over_bounds(process, watch)),
        ]
        try:
            exit_status = await line.ended(process)
            self._has_ended = True
            await asyncio.wait(listening[2:], timeout=PIPE_CLOSE_SECONDS)
            # Then the pipes have an end, and everything in them is passed on, however slowly.
            timeout = None if line.is_clear else PIPE_CLOSE_SECONDS
            await asyncio.wait(listening[:2], timeout=timeout)
        finally:
            for task in (*caring, *listening):
                task.cancel()
            await asyncio.gather(*caring, *listening, return_exceptions=True)
            if not self._has_ended:
                await line.kill_surely(process)
        return exit_status

    async def _stop_when_asked(
        self, process: TaskProcess, line: GuardLine, connection: TaskConnection
    ) -> None:
        limit = self.assignment.attempt_timeout.ToTimedelta().total_seconds()
        try:
            async with asyncio.timeout(limit or None):
                await self._stop_asked.wait()
        except TimeoutError:
            message = f"it ran longer than the limit of {limit:g} s; raise timeout_seconds"
            self._end_for(Stop(cause=StopCause.TIMEOUT, message=message), TIMEOUT_GRACE_SECONDS)
        if self._stop_grace_seconds > 0:
            if self._stop is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(ASK_SECONDS):
                        await connection.ask_to_stop(self._stop.cause.value)
            line.terminate()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._stop_grace_seconds):
                    await line.ended(process)
        await line.kill_surely(process)

    async def _stop_when_over_bounds(self, process: TaskProcess, watch: AttemptWatch) -> None:
        self._end_for(await watch.run(process.pid))

    def _open_cgroup(self, root: Path, stack: AsyncExitStack) -> AttemptCgroup | None:
        home = self._surroundings.cgroups
        cgroup = home.open(root.name) if home is not None else None
        if cgroup is not None:
            stack.callback(cgroup.remove)
            stack.callback(cgroup.kill)
            limits, resources = self._surroundings.limits, self.assignment.resources
            cgroup.limit(
                memory_bytes=limits.bounds(resources).memory_bytes,
                cpus=resources.cpus,
            )
        return cgroup

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
            heartbeat_seconds=self._surroundings.limits.heartbeat_seconds,
        )

    async def _answer(self, message: channel.Meet | channel.AskUsage) -> channel.Message:
        fleet = self._surroundings.fleet
        if isinstance(message, channel.Meet):
            addresses = await fleet.meet(self.task.ref, message.address, message.timeout_seconds)
            return channel.Met(request=message.request, addresses=addresses)
        samples = await fleet.worker_usage(message.worker, message.after)
        return channel.Usage(request=message.request, samples=samples)

    def _environment(
        self, plan: TaskPlan, root: Path, descriptor: int, peer_host: str
    ) -> dict[str, str]:
        return {
            **task_environment(
                plan,
                root,
                thread_count=self._thread_count,
                gpu_ids=self.gpu_ids,
                socket_descriptor=descriptor,
            ),
            channel.INDEX_VARIABLE: str(self.task.index),
            channel.COUNT_VARIABLE: str(self.assignment.task_count),
            channel.PEER_HOST_VARIABLE: peer_host,
        }

    @property
    def _thread_count(self) -> int:
        return max(1, int(self.assignment.resources.cpus))
