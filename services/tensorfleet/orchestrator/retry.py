"""Whether and when a task runs again after an attempt that did not succeed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from tensorfleet.orchestrator.failure import WORKER_LOST, Failure


class AttemptOutcome(Enum):
    """How an attempt ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST = "lost"
    CANCELLED = "cancelled"
    PREEMPTED = "preempted"


# How many attempts may end by these causes before the task fails; they do not count against the
# user's limit. A task that takes every worker down with it must not do so for ever. What was handed
# back or preempted is nobody's failure, and has no limit.
INFRASTRUCTURE_LIMITS = {WORKER_LOST: 10, "STAGING_UNAVAILABLE": 10, "INTERNAL": 5}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRule:
    """What happens after attempts that failed in one way; it fits when all that it names does."""

    reasons: frozenset[str] = frozenset()
    exit_codes: frozenset[int] = frozenset()
    log_pattern: str = ""
    """Text that one of the last lines contains; `*` stands for any characters."""
    max_retries: int = 0

    def fits(self, failure: Failure) -> bool:
        """Whether it decides about this failure."""
        return (
            (not self.reasons or failure.reason in self.reasons)
            and (not self.exit_codes or failure.exit_code in self.exit_codes)
            and (not self.log_pattern or any(map(self._is_in, failure.output_tail)))
        )

    def _is_in(self, line: str) -> bool:
        # Piece after piece takes linear time, whatever the pattern: a regular expression might not.
        start = 0
        for piece in self.log_pattern.split("*"):
            found = line.find(piece, start)
            if found < 0:
                return False
            start = found + len(piece)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often a task may fail by its own doing, and how long it waits in between."""

    max_attempts: int = 1
    initial_backoff: timedelta = timedelta(seconds=1)
    max_backoff: timedelta = timedelta(minutes=1)
    rules: tuple[RetryRule, ...] = ()
    """The first that fits a failure decides instead of `max_attempts`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedAttempt:
    """How an attempt ended, and why."""

    outcome: AttemptOutcome
    failure: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAgain:
    """Queue the task again after the delay; at the front when it was not the task's fault."""

    delay: timedelta
    at_front: bool


def next_run(policy: RetryPolicy, ended: Sequence[EndedAttempt], jitter: float) -> RunAgain | None:
    """What follows a task's latest attempt, or None when its attempts are used up.

    Args:
        policy: What the job allows.
        ended: All attempts so far, the latest last; it is FAILED, LOST or PREEMPTED.
        jitter: A random number from 0 to 1. The wait is between half and all of the capped
            exponential backoff ("equal jitter", M. Brooker, AWS Architecture Blog, 2015).
    """
    cause = _cause(policy, ended[-1])
    count = sum(1 for attempt in ended if _cause(policy, attempt) == cause)
    limit = cause.limit
    if limit is not None and count > limit:
        return None
    if ended[-1].outcome is not AttemptOutcome.FAILED:
        return RunAgain(delay=timedelta(0), at_front=True)
    # Past 2**30 the cap holds anyway, and the product would overflow.
    backoff = min(policy.initial_backoff * 2 ** min(count - 1, 30), policy.max_backoff)
    return RunAgain(delay=backoff * (0.5 + 0.5 * jitter), at_front=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cause:
    """What attempts are counted by, and how many of them are followed by another."""

    name: str
    limit: int | None


def _cause(policy: RetryPolicy, attempt: EndedAttempt) -> _Cause:
    failure = attempt.failure
    if failure is not None:
        if attempt.outcome is AttemptOutcome.FAILED:
            for number, rule in enumerate(policy.rules):
                if rule.fits(failure):
                    return _Cause(name=f"rule {number}", limit=rule.max_retries)
        limit = INFRASTRUCTURE_LIMITS.get(failure.reason)
        if limit is not None:
            return _Cause(name=failure.reason, limit=limit)
    if attempt.outcome is AttemptOutcome.FAILED:
        return _Cause(name="user", limit=policy.max_attempts - 1)
    return _Cause(name=attempt.outcome.value, limit=None)
