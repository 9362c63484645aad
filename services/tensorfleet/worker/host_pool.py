"""The processes that run many small tasks: how many there are, and for whom."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import msgspec
import psutil
import structlog

from tensorfleet.kinds.task_plan import TaskPlan
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import failure_pb2, resources_pb2
from tensorfleet.shared.errors import TensorFleetError
from tensorfleet.worker.attempt_end import StopCause, staging_failure
from tensorfleet.worker.gpu_slots import GpuSlots
from tensorfleet.worker.host_group import HostGroup
from tensorfleet.worker.host_key import HostKey, process_limit
from tensorfleet.worker.host_process import HostProcess, HostSurroundings
from tensorfleet.worker.hosted_task import HostedTask, HostedTasks

LOOK_SECONDS = 0.1
IDLE_LOOK_SECONDS = 1.0
# A process that has grown by more than this since its first tasks is replaced.
MAX_GROWTH_BYTES = 512 * 1024 * 1024

log = structlog.get_logger(__name__)


class _Shared(msgspec.Struct, frozen=True):
    """What of a task's plan says which process it runs in."""

    environment: dict[str, str] = {}
    preload: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    shares_process: bool = False


_decode_shared = msgspec.json.Decoder(_Shared).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLimits:
    """How many processes there may be, and how long each stays."""

    processes: int
    tasks_a_process: int
    idle_seconds: float


class HostPool:
    """Groups of tasks by what they share, and the processes of all the groups."""

    def __init__(
        self,
        capacity: resources_pb2.Resources,
        limits: HostLimits,
        surroundings: HostSurroundings,
        gpus: GpuSlots,
        tasks: HostedTasks,
    ) -> None:
        self._capacity = capacity
        self._limits = limits
        self._surroundings = surroundings
        self._gpus = gpus
        self._tasks = tasks
        self._groups: dict[HostKey, HostGroup] = {}
        self._runs: dict[HostProcess, asyncio.Task[None]] = {}
        self._first_bytes: dict[HostProcess, int] = {}
        self._numbers = itertools.count(1)
        self._work_came = asyncio.Event()
        self._is_closed = False

    def accept(self, assignment: pb.Assignment) -> list[pb.AssignedTask]:
        """Takes those tasks that share processes; returns the others."""
        others = []
        limit_seconds = assignment.attempt_timeout.ToTimedelta().total_seconds()
        resources = assignment.resources
        shared: _Shared | None = None
        group: HostGroup | None = None
        touched = set()
        for assigned in assignment.tasks:
            plan = assigned.task_json
            found = _decode_shared(plan)
            if not found.shares_process:
                others.append(assigned)
                continue
            ref = assigned.ref.task_id, assigned.ref.attempt
            if ref in self._tasks:
                continue
            if group is None or found != shared:
                shared, group = found, self._group(assignment, found)
                touched.add(group)
            task = HostedTask(next(self._numbers), ref, plan, resources, limit_seconds)
            self._tasks.add(task)
            group.add(task)
        for group in touched:
            group.feed()
        self._work_came.set()
        return others

    def stop(self, task: HostedTask, cause: StopCause, grace_seconds: float) -> None:
        """Ends a task."""
        for group in self._groups.values():
            if group.has(task):
                group.stop(task, cause, grace_seconds)

    def drop(self, task: HostedTask) -> None:
        """Forgets a task that is not this worker's any more; kills it if it runs."""
        for group in self._groups.values():
            if group.has(task):
                group.drop(task)

    async def watch(self) -> None:
        """Looks after limits of time, memory and idleness; for ever."""
        while True:
            if any(group.is_busy for group in self._groups.values()):
                await asyncio.sleep(LOOK_SECONDS)
            else:
                self._work_came.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_LOOK_SECONDS if self._groups else None):
                        await self._work_came.wait()
            for key, group in list(self._groups.items()):
                group.watch()
                if group.is_empty:
                    del self._groups[key]
            self._replace_old_hosts()

    async def drain(self, grace_seconds: float) -> None:
        """Hands back what has not begun; lets what runs end, and kills it after the grace."""
        for group in self._groups.values():
            group.drain()
        if self._runs:
            await asyncio.wait(self._runs.values(), timeout=grace_seconds)
        for host in list(self._runs):
            host.stop(0)
        await asyncio.gather(*self._runs.values(), return_exceptions=True)

    async def close(self) -> None:
        """Ends every process at once."""
        self._is_closed = True
        for run in self._runs.values():
            run.cancel()
        await asyncio.gather(*self._runs.values(), return_exceptions=True)

    def launch(self, group: HostGroup) -> bool:
        """Starts a process for a group, if there is room; else sees to it that there will be."""
        if self._is_closed or group.is_draining:
            return False
        if len(self._runs) >= self._limits.processes:
            self._make_room(group)
            return False
        gpu_ids = self._gpus.take(group.key.gpus)
        if len(gpu_ids) < group.key.gpus:
            self._gpus.give_back(gpu_ids)
            return False
        host = HostProcess(next(self._numbers), group.key, group, self._surroundings, gpu_ids)
        group.hosts.append(host)
        self._runs[host] = asyncio.create_task(self._run(group, host))
        return True

    def _group(self, assignment: pb.Assignment, shared: _Shared) -> HostGroup:
        plan = TaskPlan(
            environment=shared.environment, preload=shared.preload, datasets=shared.datasets
        )
        key = HostKey.of(assignment, plan)
        group = self._groups.get(key)
        if group is None:
            limit = process_limit(
                key,
                cpus=self._capacity.cpus,
                memory_bytes=self._capacity.memory_bytes,
                gpus=self._capacity.gpus,
            )
            group = self._groups[key] = HostGroup(key, limit, self._tasks, self)
        return group

    async def _run(self, group: HostGroup, host: HostProcess) -> None:
        try:
            exit_status = await host.run()
        except (TensorFleetError, OSError) as exc:
            group.host_not_started(host, staging_failure(exc))
        except Exception as exc:
            log.exception("host failed unexpectedly")
            message = f"the worker failed with {type(exc).__name__}; its log says more"
            group.host_not_started(host, failure_pb2.Failure(reason="INTERNAL", message=message))
        else:
            log.info("host ended", pid=host.pid, exit_status=exit_status, tasks=host.run_count)
            group.host_ended(host, exit_status)
        finally:
            self._gpus.give_back(host.gpu_ids)
            self._first_bytes.pop(host, None)
            del self._runs[host]
        # Those without any process first.
        for other in sorted(self._groups.values(), key=lambda g: len(g.hosts)):
            other.feed()

    def _make_room(self, group: HostGroup) -> None:
        if any(host.is_closing for host in self._runs):
            return
        idle = [host for host in self._hosts() if host.is_ready and not host.in_flight]
        if idle:
            min(idle, key=lambda host: host.idle_since).retire()
        elif not group.hosts:
            # Everybody gets at least one, in turn: the one that has most gives one up.
            richest = max(self._groups.values(), key=lambda g: len(g.hosts))
            for host in richest.hosts:
                if host.is_ready:
                    host.ask_back(list(host.in_flight))
                    host.retire()
                    return

    def _replace_old_hosts(self) -> None:
        now = time.monotonic()
        for host in list(self._hosts()):
            if not host.is_ready:
                continue
            is_idle = not host.in_flight and now - host.idle_since >= self._limits.idle_seconds
            is_old = host.run_count >= self._limits.tasks_a_process
            if is_idle or is_old or self._has_grown(host):
                host.retire()

    def _has_grown(self, host: HostProcess) -> bool:
        if not host.run_count:
            return False
        try:
            size_bytes: int = psutil.Process(host.pid).memory_info().rss
        except psutil.Error:
            return False
        return size_bytes - self._first_bytes.setdefault(host, size_bytes) > MAX_GROWTH_BYTES

    def _hosts(self) -> Iterator[HostProcess]:
        for group in self._groups.values():
            yield from group.hosts
