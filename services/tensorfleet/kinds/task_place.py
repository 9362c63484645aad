"""What a task's process is given besides the plan."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from tensorfleet.shared.machine_sample import MachineSample


class TaskRun(Protocol):
    """How a kind's `run` tells how it goes."""

    @property
    def should_stop(self) -> bool:
        """Whether the fleet wants the task to end soon."""

    def progress(self, completed: float, total: float = 0.0, unit: str = "") -> None:
        """Tells how far the work is."""

    def log(self, *, step: int | None = None, **metrics: float) -> None:
        """Reports measured values."""

    def meet(self, address: str, timeout_seconds: float = 60.0) -> list[str]:
        """Tells the other tasks of the gang where this one is, and waits for all of theirs.

        Args:
            address: Text that the others understand, such as "host:port"; at most 1 KiB. The first
                one of an attempt counts.
            timeout_seconds: How long to wait for the last one.

        Returns:
            The addresses of all tasks by index, this one's among them; every task gets the same.

        Raises:
            NotAGang: The tasks of this job need not run at the same time.
            PeerEnded: One has ended before this start of the gang.
            DeadlineExceeded: Some have not come in time; the message says which.
            LeaseLost: The task runs elsewhere by now.
        """

    def worker_usage(self, worker: str, after: datetime | None = None) -> list[MachineSample]:
        """What a worker's machine did lately: at most 600 samples, oldest first.

        They come some seconds late, a few together.

        Args:
            worker: Its name.
            after: Only samples with a later time, such as that of the last one seen; aware.

        Raises:
            WorkerNotFound: No such worker.
            Unavailable: The fleet does not answer now.
        """


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
    index: int = 0
    """Which of the job's tasks this is."""
    task_count: int = 1
    """All tasks of the job."""
    peer_host: str = ""
    """The address of this machine at which other tasks of the job reach this one; an IPv6 address
    has no brackets."""
    worker: str = ""
    """The worker's name."""
    cpus: float = 1.0
    """Cores that the task may keep busy."""
    memory_bytes: int = 0
    """What the task may use of memory, with all its processes; 0 means any amount."""
