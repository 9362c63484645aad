"""Events of a job, as they stand in the `data:` of a server-sent event."""

from datetime import datetime
from typing import Any, Literal

import msgspec

from tensorfleet.shared.rest.jobs import Failure, JobState, Output, TaskState
from tensorfleet.shared.rest.numbers import Number

LogStream = Literal["stdout", "stderr", "worker"]


class EventBase(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """What every event has; `type` in JSON says which one it is."""

    sequence: int
    """From 1 within the job, without gaps."""
    time: datetime
    task_id: str
    """Empty when it is about the job."""
    attempt: int
    """Zero when it is about no attempt."""

    @property
    def is_terminal(self) -> bool:
        """Whether no event of this job follows, unless a user retries it."""
        return False


class JobStateEvent(EventBase, frozen=True, kw_only=True, tag="job_state"):
    """The job changed its state."""

    state: JobState
    is_terminal: bool
    failure: Failure | None


class TaskStateEvent(EventBase, frozen=True, kw_only=True, tag="task_state"):
    """A task changed its state."""

    state: TaskState
    worker_id: str
    failure: Failure | None
    result: Any = None
    """The kind's own result of a task that succeeded; null when there is none."""


class ProgressEvent(EventBase, frozen=True, kw_only=True, tag="progress"):
    """A task told how far it is."""

    completed: Number
    total: Number
    """Zero when unknown."""
    unit: str


class MetricEvent(EventBase, frozen=True, kw_only=True, tag="metric"):
    """A task measured something."""

    step: int | None
    values: dict[str, Number]


class LogEvent(EventBase, frozen=True, kw_only=True, tag="log"):
    """A task wrote lines."""

    stream: LogStream
    lines: list[str]


class OutputEvent(EventBase, frozen=True, kw_only=True, tag="output"):
    """A task produced something that is kept."""

    output: Output


class NoticeEvent(EventBase, frozen=True, kw_only=True, tag="notice"):
    """Something worth knowing that changes no state: why the job waits, what was changed."""

    reason: str
    """Stable, upper snake case: RESOURCES, DELAYED, UPDATED, CANCEL_REQUESTED, ..."""
    message: str
    """What it is and what would help."""


Event = (
    JobStateEvent
    | TaskStateEvent
    | ProgressEvent
    | MetricEvent
    | LogEvent
    | OutputEvent
    | NoticeEvent
)
