"""Checkpoints: saved states of tasks."""

from dataclasses import dataclass
from datetime import datetime

from tensorfleet.shared.errors import FieldError, InvalidInput
from tensorfleet.shared.ids import ArtifactId, JobId, TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A task's state at a step of its own counting; the highest step is the one to resume from."""

    job_id: JobId
    task_id: TaskId
    attempt: int
    step: int
    artifact_id: ArtifactId
    size_bytes: int
    create_time: datetime


def check_step(step: int) -> int:
    """The step itself.

    Raises:
        InvalidInput: It is negative.
    """
    if step >= 0:
        return step
    message = f"step must not be negative, as {step} is"
    raise InvalidInput(message, (FieldError(field="step", message=message),))
