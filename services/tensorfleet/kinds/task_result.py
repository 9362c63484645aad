"""What a kind sees of a task when it shows a job's results."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """One task of a job, whatever its state."""

    index: int
    state: str
    """As in REST: "queued", "running", "succeeded", ..."""
    value: Any = None
    """The task's result, decoded from JSON; None while there is none."""
    worker: str = ""
    """The name of the worker of its last attempt."""
    ended_at: datetime | None = None
    message: str = ""
    """Of its failure."""
