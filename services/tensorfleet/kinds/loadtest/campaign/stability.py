"""Whether a point that is held at one rate has settled, or whether its queue grows.

A target that is asked for slightly more than it can do answers well at first: at 2 % over its
capacity the queue is worth 20 ms after one second and 600 ms after thirty. So the bound alone would
call such a rate good when the point is short. What tells is the backlog, the arrivals that have
neither been answered nor failed: it grows by the excess, every second, and by Little's law
(J. Little 1961) it is the response time times the rate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from tensorfleet.kinds.loadtest.spec import Hold

GROWTH_SHARE = 0.005
"""Of the arrivals: a backlog that grows by less is no overload that a search could tell."""
_CERTAIN_GROWTH_SHARE = 0.25
"""A backlog that grows by so much need not be watched any longer."""
_CERTAIN_ARRIVALS = 10
_LEAST_GROWTH = 3.0
"""Arrivals: at low rates, what is on its way when a second ends comes and goes by so many."""
_RESIDUALS = 3.0
"""A trend is one when it rises by more than so many standard deviations of what it leaves."""
_NEAR_THE_BOUND = (0.5, 2.0)
"""Shares of the bound between which a few seconds decide nothing: a small overload has not shown
yet, and a high percentile of few answers is mostly chance."""
_OVERDUE = 3
"""So many arrivals, and so large a share of all, that have waited for longer than the bound without
an answer, are enough: more time would only add to the target's queue."""
_OVERDUE_SHARE = 0.1
_LEAST_ENDED = 10
"""Arrivals whose figures may count as settled."""
_SETTLED_SHARE = 0.2
"""The medians of the two halves may differ by this much of the lower one ..."""
_SETTLED_BOUND_SHARE = 0.05
"""... or by this much of the objective's bound, which matters no more."""
_SETTLED_SECONDS = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSecond:
    """What counts of a second of a point; of long points it may be several at once."""

    end: int
    """Whole seconds from the point's start."""
    scheduled: int
    """Arrivals that were meant to start in it."""
    ended: int
    """Those that were answered or failed in it."""
    median_seconds: float | None
    """Of the response times of these."""


class State(Enum):
    """How a held point stands."""

    UNSETTLED = "unsettled"
    STEADY = "steady"
    GROWING = "growing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A point so far."""

    state: State
    growth_share: float
    """Of the arrivals, how many add to the backlog; 0.02 is an overload of 2 %."""
    is_over: bool
    """Holding it longer would tell nothing more."""


def stand(
    seconds: Sequence[HeldSecond],
    hold: Hold,
    *,
    bound_seconds: float | None,
    bound_share: float | None,
    is_kept: bool,
) -> Standing:
    """How a point stands after these whole seconds.

    Args:
        bound_seconds: The tightest bound on a time that the objective has.
        bound_share: What was measured of what is allowed, of the time that is nearest to its
            bound.
        is_kept: Whether these seconds keep the objective.
    """
    asked = asked_for(seconds)
    if not asked:
        return Standing(state=State.UNSETTLED, growth_share=0.0, is_over=False)
    length = asked[-1].end
    growth = growth_share(asked)
    if bound_seconds is not None and _is_overdue(asked, bound_seconds):
        return Standing(state=State.GROWING, growth_share=growth, is_over=True)
    is_late_enough = length >= hold.min_seconds
    is_at_end = length >= hold.max_seconds
    if growth >= GROWTH_SHARE:
        is_certain = not is_kept or growth >= _CERTAIN_GROWTH_SHARE
        scheduled = sum(second.scheduled for second in asked)
        is_over = is_at_end or (is_late_enough and is_certain and scheduled >= _CERTAIN_ARRIVALS)
        return Standing(state=State.GROWING, growth_share=growth, is_over=is_over)
    low, high = _NEAR_THE_BOUND
    is_near = bound_share is not None and low <= bound_share <= high
    is_settled = _has_settled(asked, bound_seconds)
    return Standing(
        state=State.STEADY if is_settled else State.UNSETTLED,
        growth_share=growth,
        is_over=is_at_end or (is_late_enough and is_settled and not is_near),
    )


def growth_share(seconds: Sequence[HeldSecond]) -> float:
    """How many of the arrivals add to the backlog, by a line through it; 0 where none do.

    A fall counts as 0: the target catches up.
    """
    if len(seconds) < 3:
        return 0.0
    scheduled = np.array([second.scheduled for second in seconds], dtype=np.float64)
    ended = np.array([second.ended for second in seconds], dtype=np.float64)
    ends = np.array([second.end for second in seconds], dtype=np.float64)
    if not scheduled.sum():
        return 0.0
    backlog = np.cumsum(scheduled - ended)
    slope, offset = np.polyfit(ends, backlog, 1)
    spread = float(np.std(backlog - (slope * ends + offset)))
    length = float(ends[-1] - ends[0])
    rise = float(slope) * length
    if rise < max(_LEAST_GROWTH, _RESIDUALS * spread):
        return 0.0
    return float(rise / (scheduled[1:].sum()))


def _is_overdue(seconds: Sequence[HeldSecond], bound_seconds: float) -> bool:
    """Whether arrivals wait for an answer for longer than the bound, as far as seconds tell."""
    latest = seconds[-1].end - bound_seconds
    ended = sum(second.ended for second in seconds)
    due = sum(second.scheduled for second in seconds if second.end <= latest)
    return due - ended >= max(_OVERDUE, _OVERDUE_SHARE * due)


def asked_for(seconds: Sequence[HeldSecond]) -> Sequence[HeldSecond]:
    """Up to the last second in which arrivals were meant to start: what follows only drains."""
    last = max((i for i, second in enumerate(seconds) if second.scheduled), default=-1)
    return seconds[: last + 1]


def _has_settled(seconds: Sequence[HeldSecond], bound_seconds: float | None) -> bool:
    """Whether the response times of the two halves agree."""
    if sum(second.ended for second in seconds) < _LEAST_ENDED:
        return False
    middle = len(seconds) // 2
    medians = [_median(half) for half in (seconds[:middle], seconds[middle:])]
    first, last = medians
    if first is None or last is None:
        # Without answers there is nothing to wait for, unless they begin only now.
        return first is last
    tolerance = max(
        _SETTLED_SHARE * min(first, last),
        _SETTLED_BOUND_SHARE * (bound_seconds or 0.0),
        _SETTLED_SECONDS,
    )
    return abs(first - last) <= tolerance


def _median(seconds: Sequence[HeldSecond]) -> float | None:
    found = [second.median_seconds for second in seconds if second.median_seconds is not None]
    return float(np.median(found)) if found else None
