"""When a worker that keeps failing tasks takes none for a while."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tensorfleet.orchestrator.retry import AttemptOutcome
from tensorfleet.shared.ids import JobId

FAILURES = 5
FAILED_JOBS = 3
WINDOW = timedelta(minutes=10)
FIRST_QUARANTINE = timedelta(minutes=5)
LONGEST_QUARANTINE = timedelta(hours=1)

WORKERS_FAULT: Final = frozenset({"STAGING_UNAVAILABLE", "INTERNAL"})
"""Reasons that tell of the machine. The user's own failures do not, and a lost worker is away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedHere:
    """An attempt that ended on a worker."""

    job_id: JobId
    end_time: datetime
    outcome: AttemptOutcome
    reason: str = ""
    """Of its failure."""


def quarantine_until(recent: Sequence[EndedHere], now: datetime) -> datetime | None:
    """Until when the worker takes no task, or None.

    It begins when the last 5 attempts that say something about the worker failed by its fault
    within 10 minutes and belonged to at least 3 jobs, so that one odd job blames no machine. It
    lasts 5 minutes; the next such failure after it doubles it, up to an hour, and a success ends
    all of it.

    Args:
        recent: What ended on this worker, the oldest first.
    """
    until: datetime | None = None
    length = FIRST_QUARANTINE
    streak: deque[EndedHere] = deque(maxlen=FAILURES)
    for attempt in recent:
        if attempt.outcome is AttemptOutcome.SUCCEEDED:
            until, length = None, FIRST_QUARANTINE
            streak.clear()
        elif attempt.outcome is AttemptOutcome.FAILED and attempt.reason in WORKERS_FAULT:
            streak.append(attempt)
            if until is None:
                if _is_enough(streak):
                    until = attempt.end_time + length
            elif attempt.end_time >= until:
                # One that ran since before the quarantine says nothing new; this one was a trial.
                length = min(length * 2, LONGEST_QUARANTINE)
                until = attempt.end_time + length
    return until if until is not None and until > now else None


def _is_enough(streak: Sequence[EndedHere]) -> bool:
    return (
        len(streak) == FAILURES
        and streak[-1].end_time - streak[0].end_time <= WINDOW
        and len({attempt.job_id for attempt in streak}) >= FAILED_JOBS
    )


def may_quarantine(online_count: int, quarantined_count: int) -> bool:
    """Whether one more worker may be quarantined: at most half the fleet.

    When most of the fleet fails at once, the cause is not a machine, and the last one must not go.

    Args:
        online_count: Workers that take tasks now.
        quarantined_count: Workers that are in quarantine now.
    """
    return quarantined_count + 1 <= (online_count + quarantined_count) // 2
