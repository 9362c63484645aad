"""What is known of a job from its events so far: a value that each event moves on."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from tensorfleet.shared.rest.events import (
    Event,
    JobStateEvent,
    LogEvent,
    MetricEvent,
    NoticeEvent,
    OutputEvent,
    ProgressEvent,
    TaskStateEvent,
)
from tensorfleet.shared.rest.jobs import Failure, Output
from tensorfleet.shared.rest.numbers import from_json_number

# Enough for a sparkline of any window.
KEPT_POINTS = 2_000


@dataclass(slots=True)
class MetricCourse:
    """One metric of a job: where it is, and where it came from."""

    step: int | None = None
    points: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_POINTS))

    @property
    def latest(self) -> float:
        """The newest value."""
        return self.points[-1]


@dataclass(slots=True)
class TaskProgress:
    """How far one task has come."""

    state: str = "queued"
    worker_id: str = ""
    attempt: int = 0
    completed: float = 0.0
    total: float = 0.0
    unit: str = ""


@dataclass(slots=True)
class JobProgress:
    """A job as its events tell it."""

    state: str = "pending"
    failure: Failure | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    last_sequence: int = 0
    tasks: dict[str, TaskProgress] = field(default_factory=dict)
    metrics: dict[str, MetricCourse] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    notice: NoticeEvent | None = None
    """The newest about why it waits; None when it does not."""

    def take(self, event: Event) -> None:
        """Moves on by an event."""
        self.last_sequence = event.sequence
        match event:
            case JobStateEvent():
                self._take_job_state(event)
            case TaskStateEvent():
                task = self._task(event.task_id)
                task.state, task.worker_id = event.state, event.worker_id
                task.attempt = event.attempt
            case ProgressEvent():
                task = self._task(event.task_id)
                task.completed = from_json_number(event.completed)
                task.total, task.unit = from_json_number(event.total), event.unit
            case MetricEvent():
                # Sorted, as the values come in no order of their own.
                for name, value in sorted(event.values.items()):
                    course = self.metrics.setdefault(name, MetricCourse())
                    course.step = event.step
                    course.points.append(from_json_number(value))
            case OutputEvent():
                self.outputs.append(event.output)
            case NoticeEvent():
                self.notice = event
            case LogEvent():
                pass

    @property
    def completed(self) -> float:
        """Units done by all tasks; of a task that does not tell, nothing."""
        return sum(task.completed for task in self.tasks.values())

    @property
    def total(self) -> float:
        """Units of all tasks; zero when it is not known of some."""
        totals = [task.total for task in self.tasks.values()]
        return sum(totals) if all(totals) else 0.0

    @property
    def unit(self) -> str:
        """What is counted."""
        return next((task.unit for task in self.tasks.values() if task.unit), "")

    def count(self, states: Iterable[str]) -> int:
        """How many tasks are in one of these states."""
        wanted = frozenset(states)
        return sum(task.state in wanted for task in self.tasks.values())

    def _take_job_state(self, event: JobStateEvent) -> None:
        self.state, self.failure = event.state, event.failure
        if event.state != "pending":
            self.notice = None
        self.end_time = None  # of an earlier run, when it was retried
        if event.state == "running" and self.start_time is None:
            self.start_time = event.time
        if event.is_terminal:
            self.end_time = event.time

    def _task(self, task_id: str) -> TaskProgress:
        return self.tasks.setdefault(task_id, TaskProgress())
