"""Where the highest value that still keeps a bound lies: which value to try next, given all trials.

A rate doubles until one fails (Bentley and Yao 1976, "An almost optimal algorithm for unbounded
searching"), then the interval is halved. A load parameter rises by half: its work may grow with a
power of it, or exponentially, and a target that was asked for far too much is busy with that for
long. One trial may be wrong by chance, and a wrong turn early
on would never be noticed. So the two values that the answer rests on are tried again before it is
given, a third time when the two trials differ, and the majority counts; when that moves a bound,
the search goes on from there. A search whose trials are right costs two more of them for that. One
wrong trial anywhere cannot make the answer wrong.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

_LOWEST_SHARE = 1 / 1024
"""Of the first rate: below that a search gives up."""
_SIGNIFICANT_DIGITS = 4


class Verdict(Enum):
    """What a trial showed."""

    KEPT = "kept"
    BROKEN = "broken"
    INVALID = "invalid"
    """The generator was the limit, so that nothing is known of the target."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A value that was tried."""

    value: float
    verdict: Verdict
    response_seconds: float | None = None
    """What the bound is about, where there is one time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The values that a search may try."""

    start: float
    lowest: float
    most: float
    precision: float = 0.0
    """How close the bounds must come to each other, as a share of the lower one."""
    is_whole: bool = False
    """Whole numbers, to the last one."""
    bound_seconds: float | None = None
    """Of the response time; steps upwards that are foreseen to be far beyond it are shortened."""

    def between(self, low: float, high: float) -> float | None:
        """The middle; None when they are close enough."""
        if self.is_whole:
            return low + (high - low) // 2 if high - low > 1 else None
        if high - low <= self.precision * low:
            return None
        middle = _rounded((low + high) / 2)
        return middle if low < middle < high else None

    def above(self, value: float) -> float | None:
        """The next value upwards; None at the end."""
        if value >= self.most:
            return None
        further = value + max(1, value // 2) if self.is_whole else _rounded(value * 2)
        return min(self.most, further)

    def below(self, value: float) -> float | None:
        """The next value downwards; None at the end."""
        if value <= self.lowest:
            return None
        return max(self.lowest, value // 2 if self.is_whole else _rounded(value / 2))


def rates(start: float, most: float, precision: float) -> Range:
    """A search for a rate: from `start` up to `most`, and below `start` if need be."""
    first = min(start, most)
    return Range(start=first, lowest=first * _LOWEST_SHARE, most=most, precision=precision)


def loads(start: int, most: int, bound_seconds: float | None = None) -> Range:
    """A search for a load parameter: from `start` up to `most`, and down to 1 if need be."""
    first = min(start, most)
    return Range(
        start=first,
        lowest=min(1, first),
        most=most,
        is_whole=True,
        bound_seconds=bound_seconds,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What the trials say so far."""

    best: float | None
    """The highest value that kept the bound, below any that did not."""
    failed_at: float | None
    """The lowest one that did not, or that could not be judged."""
    is_judged: bool
    """Whether `failed_at` broke the bound; not when the generator was the limit there."""


def bounds_of(trials: Sequence[Trial]) -> Bounds:
    """The interval that holds the limit, by the majority of each value's trials."""
    standings = {value: _standing(votes) for value, votes in _votes(trials).items()}
    failed_at = min((v for v, s in standings.items() if s is not Verdict.KEPT), default=None)
    best = max(
        (
            value
            for value, standing in standings.items()
            if standing is Verdict.KEPT and (failed_at is None or value < failed_at)
        ),
        default=None,
    )
    is_judged = failed_at is not None and standings[failed_at] is Verdict.BROKEN
    return Bounds(best=best, failed_at=failed_at, is_judged=is_judged)


def next_value(within: Range, trials: Sequence[Trial]) -> float | None:
    """The value to try next; None when the search has its answer."""
    votes = _votes(trials)
    if not votes:
        return within.start
    for value, cast in votes.items():
        if _is_tied(cast):
            return value
    found = bounds_of(trials)
    best, failed_at = found.best, found.failed_at
    onward: float | None
    if failed_at is None:
        # Everything was kept so far.
        onward = None if best is None else within.above(best)
        return onward if onward is None else min(onward, _foreseen(within, trials))
    onward = within.below(failed_at) if best is None else within.between(best, failed_at)
    if onward is not None:
        return onward
    for bound in (failed_at, best):
        if bound is not None and votes[bound].total() == 1:
            return bound
    return None


def _foreseen(within: Range, trials: Sequence[Trial]) -> float:
    """How far up to go at most: where an exponential through the two highest loads so far reaches
    the bound. Rates have no such bound."""
    bound = within.bound_seconds
    timed = sorted({t.value: t.response_seconds for t in trials if t.response_seconds}.items())
    if bound is None or not within.is_whole or len(timed) < 2:
        return math.inf
    (before, seconds_before), (last, seconds) = timed[-2:]
    if seconds is None or seconds_before is None or seconds <= seconds_before:
        return math.inf
    slope = math.log(seconds / seconds_before) / (last - before)
    return last + max(1.0, math.ceil(math.log(max(bound / seconds, 1.0)) / slope))


def _votes(trials: Sequence[Trial]) -> dict[float, Counter[Verdict]]:
    votes: dict[float, Counter[Verdict]] = {}
    for trial in trials:
        votes.setdefault(trial.value, Counter())[trial.verdict] += 1
    return votes


def _is_tied(cast: Counter[Verdict]) -> bool:
    return cast.total() == 2 and len(cast) == 2


def _standing(cast: Counter[Verdict]) -> Verdict:
    (verdict, count), *others = cast.most_common()
    if others and count == others[0][1]:
        # Two that differ are tried once more; three that all differ say nothing.
        return Verdict.INVALID
    return verdict


def _rounded(value: float) -> float:
    """Rates that people can read."""
    return float(f"{value:.{_SIGNIFICANT_DIGITS}g}")
