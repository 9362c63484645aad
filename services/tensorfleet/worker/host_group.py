"""Small tasks that may share processes: those that wait, and the processes that run them."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import event_pb2, failure_pb2, task_pb2
from tensorfleet.worker import host_frames as frames
from tensorfleet.worker.attempt_end import StopCause, describe_end
from tensorfleet.worker.host_key import HostKey
from tensorfleet.worker.host_process import LONG_SECONDS, HostProcess
from tensorfleet.worker.hosted_task import HostedTask, HostedTasks, no_success, stopped, success

# So often may a process end before it is ready; then it is no accident.
MAX_FAILED_STARTS = 3
TIMEOUT_GRACE_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Launcher(Protocol):
    """Who starts processes for a group."""

    def launch(self, group: "HostGroup") -> bool:
        """Starts one; False when there is no room for it now. Then the group will be asked."""
        ...


# Stands among the streams of which a mark is missing.
_UNTIL_HOST_ENDED = 1 << 8


@dataclass(slots=True)
class _HeldEnd:
    """The end of a task whose output is still on its way, or whose GPUs are not free yet."""

    host: HostProcess
    task: HostedTask
    record: pb.WorkerRecord
    missing: int
    """The streams whose marks have not come."""


class HostGroup:
    """Spreads its tasks over its processes, and tells how each of them ended."""

    def __init__(self, key: HostKey, limit: int, tasks: HostedTasks, launcher: Launcher) -> None:
        self.key = key
        self.waiting: deque[HostedTask] = deque()
        self.hosts: list[HostProcess] = []
        self.is_draining = False
        self._limit = limit
        self._tasks = tasks
        self._launcher = launcher
        self._failed_starts = 0
        self._held_ends: dict[int, _HeldEnd] = {}
        self._seen_marks: dict[int, int] = {}

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left of it."""
        return not self.waiting and not self.hosts

    @property
    def is_busy(self) -> bool:
        """Whether tasks wait or run."""
        return bool(self.waiting) or any(host.in_flight for host in self.hosts)

    def add(self, task: HostedTask) -> None:
        """A task came; `feed` shall be called when all have come."""
        if self.is_draining:
            self._put_back([task])
        else:
            self.waiting.append(task)

    def has(self, task: HostedTask) -> bool:
        """Whether a task waits or runs here."""
        return task in self.waiting or any(task.number in host.in_flight for host in self.hosts)

    def feed(self) -> None:
        """Gives waiting tasks to processes with room, and has processes started."""
        waiting = self.waiting
        while waiting:
            rooms = [(host, room) for host in self.hosts if (room := host.room) > 0]
            if not rooms:
                break
            rooms.sort(key=lambda pair: len(pair[0].in_flight))
            share = -(-len(waiting) // len(rooms))
            for host, room in rooms:
                count = min(room, share, len(waiting))
                if count:
                    host.give([waiting.popleft() for _ in range(count)])
        starting = sum(not host.was_ready for host in self.hosts)
        while (
            len(waiting) > starting
            and len(self.hosts) < self._limit
            and self._launcher.launch(self)
        ):
            starting += 1

    def host_ready(self) -> None:
        """A process takes tasks."""
        self.feed()

    def tasks_ended(self, host: HostProcess, ended: frames.TasksEnded) -> None:
        """Tells the ends, and sends more."""
        self._failed_starts = 0
        in_flight = host.in_flight
        for number, marks, result in ended.results:
            if (task := in_flight.pop(number, None)) is not None:
                self._end(host, task, marks, success(task, result))
        for failed in ended.failures:
            if (task := in_flight.pop(failed.number, None)) is not None:
                failure = failure_pb2.Failure(
                    reason=failed.reason,
                    message=failed.message,
                    exit_code=failed.exit_code,
                    output_tail=failed.output_tail,
                )
                outcome = task_pb2.ATTEMPT_OUTCOME_FAILED
                self._end(host, task, failed.marks, no_success(task, outcome, failure))
        if not in_flight and (self._must_end(host) or not host.is_ready):
            host.retire()
        if self.waiting:
            self.feed()

    def task_marked(self, host: HostProcess, number: int, stream: int) -> None:
        """A task's output on one stream is complete."""
        if (held := self._held_ends.get(number)) is not None:
            held.missing &= ~stream
            if not held.missing:
                del self._held_ends[number]
                self._tasks.finish(held.task, held.record)
        elif number in host.in_flight:
            self._seen_marks[number] = self._seen_marks.get(number, 0) | stream

    def tasks_given_back(self, host: HostProcess, numbers: Sequence[int]) -> None:
        """Tasks that the process has not begun: they wait again, or were to be stopped anyway."""
        found = [host.in_flight.pop(number, None) for number in numbers]
        self._put_back([task for task in found if task is not None])
        if not host.is_ready and not host.is_stopped and not host.in_flight:
            host.retire()
        self.feed()

    async def lines_written(
        self, number: int, stream: event_pb2.LogStream.ValueType, lines: list[str]
    ) -> None:
        """Passes a task's lines on as its events."""
        task = next((h.in_flight[number] for h in self.hosts if number in h.in_flight), None)
        if task is None and number in self._held_ends:
            task = self._held_ends[number].task
        if task is not None:
            event = event_pb2.Event(log=event_pb2.LogLines(stream=stream, lines=lines))
            event.time.GetCurrentTime()
            await self._tasks.report_of(task).add(event)

    def host_ended(self, host: HostProcess, exit_status: int) -> None:
        """A process ended: the task that it ran with it, and the others wait again."""
        self.hosts.remove(host)
        self._tell_held_ends(host)
        running, _ = host.running
        left, again = list(host.in_flight.values()), []
        host.in_flight.clear()
        is_explained = False
        for task in left:
            self._seen_marks.pop(task.number, None)
            if task.stop_cause is not None:
                self._tasks.finish(task, stopped(task, exit_status, list(host.tail)))
            elif task.number == running and not host.is_stopped:
                is_explained = True
                self._tasks.finish(task, _crash(task, exit_status, list(host.tail)))
            else:
                again.append(task)
        self._put_back(again)
        if not (host.run_count or host.is_closing or host.is_stopped or is_explained):
            self._failed_starts += 1
            if self._failed_starts >= MAX_FAILED_STARTS:
                self._failed_starts = 0
                message = "its process ended before it ran anything, several times: "
                message += " / ".join(list(host.tail)[-3:])
                self.fail_waiting(failure_pb2.Failure(reason="USER_CODE", message=message))

    def host_not_started(self, host: HostProcess, failure: failure_pb2.Failure) -> None:
        """What a process needs cannot be had, and so no task can run."""
        self.hosts.remove(host)
        self._tell_held_ends(host)
        self._put_back(list(host.in_flight.values()))
        host.in_flight.clear()
        if not any(other.was_ready for other in self.hosts):
            self.fail_waiting(failure)

    def fail_waiting(self, failure: failure_pb2.Failure) -> None:
        """Tells that no waiting task can run."""
        while self.waiting:
            task = self.waiting.popleft()
            self._tasks.finish(task, no_success(task, task_pb2.ATTEMPT_OUTCOME_FAILED, failure))

    def stop(self, task: HostedTask, cause: StopCause, grace_seconds: float) -> None:
        """Ends a task: at once if it waits; else with its process, if that has begun with it."""
        task.stop_cause = cause
        task.stop_grace_seconds = grace_seconds
        if task in self.waiting:
            self.waiting.remove(task)
            self._tasks.finish(task, stopped(task, None, []))
            return
        for host in self.hosts:
            if task.number in host.in_flight:
                if host.running_task is task:
                    host.stop(grace_seconds)
                else:
                    host.ask_back([task.number])

    def drop(self, task: HostedTask) -> None:
        """Forgets a task that is not ours any more."""
        if task in self.waiting:
            self.waiting.remove(task)
        for host in self.hosts:
            if task.number in host.in_flight:
                if host.running_task is task:
                    host.stop(0)
                else:
                    host.ask_back([task.number])
                del host.in_flight[task.number]

    def drain(self) -> None:
        """Hands back what has not begun; processes end after what they run."""
        self.is_draining = True
        waiting, self.waiting = list(self.waiting), deque()
        self._put_back(waiting)
        for host in self.hosts:
            host.ask_back(list(host.in_flight))
            host.retire()

    def watch(self) -> None:
        """Stops what must stop; called now and then."""
        now = time.monotonic()
        for host in self.hosts:
            if host.is_closing and not host.in_flight:
                host.retire()
            number, since = host.running
            task = host.in_flight.get(number)
            if task is None:
                continue
            if task.stop_cause is not None:
                host.stop(task.stop_grace_seconds)
            elif task.limit_seconds and now - since > task.limit_seconds:
                task.stop_cause = StopCause.TIMEOUT
                host.stop(TIMEOUT_GRACE_SECONDS)
            elif now - since > LONG_SECONDS and self._can_move(host):
                # Those behind a long one need not wait for it.
                host.ask_back([other for other in host.in_flight if other != number])
        self.feed()

    def _can_move(self, host: HostProcess) -> bool:
        """Whether tasks that wait in a process would find a better place."""
        if len(host.in_flight) < 2 or self.waiting:
            return False
        return len(self.hosts) < self._limit or any(other.room for other in self.hosts)

    def _put_back(self, tasks: list[HostedTask]) -> None:
        for task in reversed(tasks):
            if self.is_draining and task.stop_cause is None:
                task.stop_cause = StopCause.HANDED_BACK
            if task.stop_cause is not None:
                self._tasks.finish(task, stopped(task, None, []))
            else:
                self.waiting.appendleft(task)

    def _end(
        self, host: HostProcess, task: HostedTask, marks: int, record: pb.WorkerRecord
    ) -> None:
        missing = marks & ~self._seen_marks.pop(task.number, 0) if marks else 0
        if not host.in_flight and self._must_end(host):
            missing |= _UNTIL_HOST_ENDED
        if missing:
            self._held_ends[task.number] = _HeldEnd(host, task, record, missing)
        else:
            self._tasks.finish(task, record)

    def _must_end(self, host: HostProcess) -> bool:
        """Whether the process may not stay without work: it would keep GPUs from others."""
        return bool(host.gpu_ids) and not self.waiting

    def _tell_held_ends(self, host: HostProcess) -> None:
        """What has been waited for will not come any more."""
        for number, held in list(self._held_ends.items()):
            if held.host is host:
                del self._held_ends[number]
                self._tasks.finish(held.task, held.record)


def _crash(task: HostedTask, exit_status: int, output_tail: list[str]) -> pb.WorkerRecord:
    if exit_status == 0:
        failure = failure_pb2.Failure(
            reason="USER_CODE",
            message="it ended its process, with status 0; a call ends by returning",
            exit_code=0,
            output_tail=output_tail,
        )
        return no_success(task, task_pb2.ATTEMPT_OUTCOME_FAILED, failure)
    outcome, why = describe_end(
        exit_status=exit_status,
        stop=None,
        output_tail=output_tail,
    )
    return no_success(task, outcome, why)
