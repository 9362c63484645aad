"""Whether and when a task runs again after an attempt that did not succeed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum


class AttemptOutcome(Enum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"
    CANCELLED = "cancelled"
    PREEMPTED = "preempted"


# A task that takes every worker down with it must not do so for ever.
MAX_LOST_ATTEMPTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a task may fail by its own doing, and how long it waits in between."""

    max_attempts: int = 1
    initial_backoff: timedelta = timedelta(seconds=1)
    max_backoff: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAgain:
    """Queue the task again after the delay; at the front when it was not the task's fault."""

    delay: timedelta
    at_front: bool


def next_run(
    policy: RetryPolicy, outcomes: Sequence[AttemptOutcome], jitter: float
) -> RunAgain | None:
    """What follows a task's latest attempt, or None when its attempts are used up.

    Args:
        outcomes: Of all attempts so far, the latest last; it is FAILED or LOST.
        jitter: A random number from 0 to 1. The wait is between half and all of the capped
            exponential backoff ("equal jitter", M. Brooker, AWS Architecture Blog, 2015).
    """
    if outcomes[-1] is AttemptOutcome.LOST:
        if outcomes.count(AttemptOutcome.LOST) > MAX_LOST_ATTEMPTS:
            return None
        return RunAgain(delay=timedelta(0), at_front=True)
    failed = outcomes.count(AttemptOutcome.FAILED)
    if failed >= policy.max_attempts:
        return None
    # Past 2**30 the cap holds anyway, and the product would overflow.
    backoff = min(policy.initial_backoff * 2 ** min(failed - 1, 30), policy.max_backoff)
    return RunAgain(delay=backoff * (0.5 + 0.5 * jitter), at_front=False)
