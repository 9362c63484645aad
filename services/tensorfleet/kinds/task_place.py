"""What a task's process is given besides the plan."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class TaskRun(Protocol):
    """How a kind's `run` tells how it goes."""

    @property
    def should_stop(self) -> bool:
        """Whether the fleet wants the task to end soon."""

    def progress(self, completed: float, total: float = 0.0, unit: str = "") -> None:
        """Tells how far the work is."""

    def log(self, *, step: int | None = None, **metrics: float) -> None:
        """Reports measured values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPlace:
    """Where a task runs."""

    open_run: Callable[[], TaskRun]
    """Connects with the worker, once; only a kind that reports by itself calls it."""
    code: Path | None = None
    """The folder of the job's code; None when it has none."""
    codes: Mapping[str, Path] = field(default_factory=dict)
    """Folders of the further code packages that the plan names, by artifact id."""
    code_artifact_id: str = ""
    """What `code` was; empty when there is none."""
    worker: str = ""
    """The worker's name."""
    cpus: float = 1.0
    """Cores that the task may keep busy."""
    memory_bytes: int = 0
    """What the task may use of memory, with all its processes; 0 means any amount."""
