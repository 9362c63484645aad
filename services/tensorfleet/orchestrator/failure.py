"""Why an attempt, a task or a job did not succeed."""

from dataclasses import dataclass
from typing import Final

CANCELLED: Final = "CANCELLED"
WORKER_LOST: Final = "WORKER_LOST"
USER_CODE: Final = "USER_CODE"
DEPENDENCY_FAILED: Final = "DEPENDENCY_FAILED"
GANG_RESTARTED: Final = "GANG_RESTARTED"

MAX_TAIL_LINES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A stable reason, what happened and what to do, and how the process ended if it did."""

    reason: str
    message: str
    exit_code: int | None = None
    signal: int | None = None
    output_tail: tuple[str, ...] = ()
