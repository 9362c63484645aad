"""When a worker that keeps failing tasks takes none for a while."""

from datetime import datetime, timedelta

import pytest

from tensorfleet.orchestrator.retry import AttemptOutcome
from tensorfleet.orchestrator.scheduling.quarantine import (
    EndedHere,
    may_quarantine,
    quarantine_until,
)
from tensorfleet.shared.ids import JobId
from tests.unit.orchestrator.scheduling.examples import NOW

FAILED, SUCCEEDED = AttemptOutcome.FAILED, AttemptOutcome.SUCCEEDED


def at(minute: float) -> datetime:
    return NOW + timedelta(minutes=minute)


def ended(
    minute: float,
    job: str,
    outcome: AttemptOutcome = FAILED,
    reason: str = "STAGING_UNAVAILABLE",
) -> EndedHere:
    return EndedHere(job_id=JobId(job), end_time=at(minute), outcome=outcome, reason=reason)


FIVE = [ended(minute, job) for minute, job in enumerate("abcab")]


@pytest.mark.parametrize(
    ("recent", "until"),
    [
        (FIVE, 9),
        (FIVE[1:], None),
        ([ended(m, j) for m, j in enumerate("ababa")], None),
        ([ended(m * 3, j) for m, j in enumerate("abcde")], None),
        ([*FIVE[:4], ended(3.5, "x", SUCCEEDED, ""), FIVE[4]], None),
        ([*FIVE, ended(4.5, "x", SUCCEEDED, "")], None),
        ([*FIVE[:4], ended(3.5, "x", reason="USER_CODE"), FIVE[4]], 9),
        ([*FIVE[:4], ended(4, "x", reason="USER_CODE")], None),
        ([ended(m, j, AttemptOutcome.LOST, "WORKER_LOST") for m, j in enumerate("abcde")], None),
        ([ended(m, j, AttemptOutcome.CANCELLED) for m, j in enumerate("abcde")], None),
        ([*FIVE, ended(5, "d"), ended(8.9, "e")], 9),  # had begun before it
        ([*FIVE, ended(9.5, "d")], 19.5),
        ([*FIVE, ended(9.5, "d"), ended(20, "e")], 40),
        ([*FIVE, ended(9.5, "d"), ended(20, "e"), ended(41, "e"), ended(90, "f")], 150),
    ],
)
def test_quarantine(recent: list[EndedHere], until: float | None) -> None:
    soon = recent[-1].end_time
    assert quarantine_until(recent, soon) == (None if until is None else at(until))


def test_quarantine_ends() -> None:
    assert quarantine_until(FIVE, at(8.99)) == at(9)
    assert quarantine_until(FIVE, at(9)) is None


@pytest.mark.parametrize(
    ("online", "quarantined", "allowed"),
    [(1, 0, False), (2, 0, True), (1, 1, False), (9, 0, True), (6, 4, True), (5, 5, False)],
)
def test_no_more_than_half_the_fleet_is_quarantined(
    online: int, quarantined: int, allowed: bool
) -> None:
    assert may_quarantine(online, quarantined) is allowed
