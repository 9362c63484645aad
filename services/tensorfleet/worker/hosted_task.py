"""Small tasks that run in shared processes, and what is to be told of them."""

import asyncio
from collections.abc import Iterator

from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb
from tensorfleet.orchestrator.v1 import failure_pb2, resources_pb2, task_pb2
from tensorfleet.worker.attempt_end import Stop, StopCause, describe_end
from tensorfleet.worker.report import AttemptReport

Key = tuple[str, int]


class HostedTask:
    """One attempt at a small task. Thousands of them come each second, so it is a plain record."""

    __slots__ = (
        "attempt",
        "limit_seconds",
        "number",
        "plan",
        "record",
        "report",
        "resources",
        "stop_cause",
        "stop_grace_seconds",
        "task_id",
    )

    def __init__(
        self,
        number: int,
        ref: Key,
        plan: str,
        resources: resources_pb2.Resources,
        limit_seconds: float,
    ) -> None:
        self.number = number
        self.task_id, self.attempt = ref
        self.plan = plan
        self.resources = resources
        self.limit_seconds = limit_seconds
        """Longest time that it may run; 0 means no limit."""
        self.stop_cause: StopCause | None = None
        self.stop_grace_seconds = 0.0
        self.report: AttemptReport | None = None
        """Only of those that write something."""
        self.record: pb.WorkerRecord | None = None
        """Its end, until it is known to be durable."""

    @property
    def ref(self) -> pb.AttemptRef:
        """Which attempt: the fencing token."""
        return pb.AttemptRef(task_id=self.task_id, attempt=self.attempt)


def success(task: HostedTask, result_json: str) -> pb.WorkerRecord:
    """The record of a task that went well."""
    # From dicts: half the time of building each message by itself.
    return pb.WorkerRecord(
        finished={  # type: ignore[arg-type]
            "ref": {"task_id": task.task_id, "attempt": task.attempt},
            "outcome": task_pb2.ATTEMPT_OUTCOME_SUCCEEDED,
            "result_json": result_json,
        }
    )


def no_success(
    task: HostedTask,
    outcome: task_pb2.AttemptOutcome.ValueType,
    failure: failure_pb2.Failure | None,
) -> pb.WorkerRecord:
    """The record of a task that ended otherwise."""
    finished = pb.AttemptFinished(ref=task.ref, outcome=outcome, failure=failure)
    return pb.WorkerRecord(finished=finished)


def stopped(task: HostedTask, exit_status: int | None, output_tail: list[str]) -> pb.WorkerRecord:
    """The record of a task that the worker itself stopped; the status is None if it never ran."""
    outcome, failure = describe_end(
        exit_status=exit_status or 0,
        stop=_stop_of(task),
        output_tail=output_tail,
    )
    if exit_status is None and failure is not None:
        failure.ClearField("exit_code")
    return no_success(task, outcome, failure)


def _stop_of(task: HostedTask) -> Stop | None:
    if task.stop_cause is None:
        return None
    message = ""
    if task.stop_cause is StopCause.TIMEOUT:
        message = f"it ran longer than the limit of {task.limit_seconds:g} s; raise timeout_seconds"
    return Stop(cause=task.stop_cause, message=message)


class HostedTasks:
    """Every small task that is here, and the records about them that have to go out."""

    def __init__(self, news: asyncio.Event) -> None:
        self._news = news
        self._tasks: dict[Key, HostedTask] = {}
        self._unsent: list[pb.WorkerRecord] = []
        self._reports: dict[Key, AttemptReport] = {}
        self._emptied = asyncio.Event()

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[HostedTask]:
        return iter(self._tasks.values())

    def __contains__(self, ref: Key) -> bool:
        return ref in self._tasks

    def get(self, ref: Key) -> HostedTask | None:
        """The task of this attempt, if it is here."""
        return self._tasks.get(ref)

    def add(self, task: HostedTask) -> None:
        """A task was assigned."""
        self._tasks[task.task_id, task.attempt] = task

    def report_of(self, task: HostedTask) -> AttemptReport:
        """Where the task's events go."""
        if task.report is None:
            task.report = AttemptReport(task.ref, self._news)
            self._reports[task.task_id, task.attempt] = task.report
        return task.report

    def finish(self, task: HostedTask, record: pb.WorkerRecord) -> None:
        """Tells the task's end, after all its events."""
        if task.record is not None or (task.task_id, task.attempt) not in self._tasks:
            return
        task.record = record
        if task.report is None:
            self._unsent.append(record)
            self._news.set()
        else:
            task.report.finish(record.finished)

    def take_unsent(self) -> list[pb.WorkerRecord]:
        """Records that have not gone out in this session."""
        records, self._unsent = self._unsent, []
        for report in self._reports.values():
            records.extend(report.take_unsent())
        return records

    def rewind(self) -> None:
        """A new session began: what is not recorded has to go out again."""
        self._unsent = [
            task.record for task in self if task.record is not None and task.report is None
        ]
        for report in self._reports.values():
            report.rewind()

    def remove(self, ref: Key) -> HostedTask | None:
        """Its end is durable, or it is not ours any more: nothing more is to be told.

        The caller closes the task's report, if it has one.
        """
        task = self._tasks.pop(ref, None)
        if task is not None and task.report is not None:
            self._reports.pop(ref, None)
        if not self._tasks:
            self._emptied.set()
        return task

    async def emptied(self) -> None:
        """Returns once no task is left."""
        while self._tasks:
            self._emptied.clear()
            await self._emptied.wait()
