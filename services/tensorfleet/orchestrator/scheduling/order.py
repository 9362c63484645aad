"""Which waiting line is next: priority with ageing, then fair shares, then taking turns.

A line ages while it is not served. Its tasks' own age does not count once the line is served:
otherwise one user's long queue, older than everything that others hand in, would go before all of
it, and neither shares nor priorities would mean anything in a fleet with an hour's work waiting.
"""

from datetime import UTC, datetime, timedelta

from tensorfleet.orchestrator.job import Priority
from tensorfleet.orchestrator.scheduling.waiting import NOTHING_USED, Line, Shares

AGEING_STEP = timedelta(minutes=10)
"""Waiting this long is worth one class of priority."""

NEVER = datetime(1, 1, 1, tzinfo=UTC)

LineKey = tuple[int, float, float, datetime, datetime, str]

_NUMBERS = {priority: number for number, priority in enumerate(Priority)}


def priority_number(priority: Priority) -> int:
    """0 is the most urgent."""
    return _NUMBERS[priority]


def rank(priority: Priority, waited: timedelta, step: timedelta = AGEING_STEP) -> int:
    """How urgent something is that has waited so long; lower goes first.

    It falls without end, so that whatever waits comes first at last: nothing that is `n` classes
    more urgent and has waited `n + 1` steps less can go before it.
    """
    return _NUMBERS[priority] - max(waited // step, 0)


def line_rank(line: Line, now: datetime, step: timedelta = AGEING_STEP) -> int:
    """The rank of the line's oldest entry, which waits since it came or the line was served."""
    since = line.entries[0].queued_since
    if line.last_served is not None and line.last_served > since:
        since = line.last_served
    return rank(line.priority, now - since, step)


def line_key(line: Line, shares: Shares, now: datetime, step: timedelta = AGEING_STEP) -> LineKey:
    """Sorts lines that have entries; the lowest is next."""
    return (
        line_rank(line, now, step),
        shares.projects.get(line.tenant.project, NOTHING_USED).share,
        shares.tenants.get(line.tenant, NOTHING_USED).share,
        line.last_served or NEVER,
        line.entries[0].queued_since,
        line.id,
    )
