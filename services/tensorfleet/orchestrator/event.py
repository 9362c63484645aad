"""What happens to a job, as one sequence that readers can follow without gaps."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from tensorfleet.kinds.outcome import ProducedOutput
from tensorfleet.orchestrator.failure import Failure
from tensorfleet.orchestrator.job import JobState
from tensorfleet.orchestrator.task import TaskState
from tensorfleet.shared.ids import JobId


class LogStream(Enum):
    """Where lines of output came from."""

    STDOUT = "stdout"
    STDERR = "stderr"
    WORKER = "worker"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStateChange:
    """The job changed its state; nothing follows a terminal one."""

    state: JobState
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStateChange:
    """A task changed its state."""

    state: TaskState
    worker_id: str = ""
    failure: Failure | None = None
    result_json: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Units done, of how many (0 when unknown)."""

    completed: float
    total: float
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """Values measured at one step. NaN and infinities are kept as such."""

    step: int | None
    values: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLines:
    """Consecutive lines from one stream."""

    stream: LogStream
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something worth knowing that changes no state: a stable reason and a sentence."""

    reason: str
    message: str


Payload = JobStateChange | TaskStateChange | Progress | Metric | LogLines | ProducedOutput | Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDraft:
    """An event before it has its place in the job's sequence.

    `source_sequence` numbers what one attempt reports, so that nothing is recorded twice; 0 for
    the orchestrator's own events.
    """

    time: datetime
    payload: Payload
    task_id: str = ""
    attempt: int = 0
    source_sequence: int = 0

    @property
    def is_terminal(self) -> bool:
        """Whether it ends the job."""
        return isinstance(self.payload, JobStateChange) and self.payload.state.is_terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event in its place: `sequence` counts from 1 within the job, without gaps."""

    job_id: JobId
    sequence: int
    draft: EventDraft
