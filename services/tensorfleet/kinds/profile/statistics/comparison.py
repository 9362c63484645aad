"""Whether one algorithm is faster than another, or the difference is this machine's noise."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tensorfleet.kinds.profile.statistics import resampling
from tensorfleet.kinds.profile.statistics.resampling import Floats
from tensorfleet.kinds.profile.statistics.summary import process_medians

_RESAMPLES = 2000
_PERMUTATIONS = 4999

FEWEST_ROUNDS = 5
"""With fewer, even the clearest difference could be chance."""

VerdictWord = Literal["faster", "slower", "no evidence of a difference"]
NO_EVIDENCE: VerdictWord = "no evidence of a difference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is known of the time of b over the time of a."""

    verdict: VerdictWord
    """Of b, as seen from a."""
    ratio: float
    """Time of b over time of a: 1.05 is "b takes 5 % longer"."""
    low: float | None
    """Lower end of the ratio's confidence interval; None when there is too little to tell."""
    high: float | None
    p_value: float
    """How often chance alone would show a difference as large."""
    noise: float | None
    """Half the width of what this machine showed between a and a once more: 0.01 is one percent.
    None when a was not measured twice."""
    round_count: int
    message: str


def compare(
    a: Sequence[Sequence[float]],
    b: Sequence[Sequence[float]],
    again: Sequence[Sequence[float]],
    *,
    level: float = 0.05,
) -> Verdict:
    """Compares two algorithms whose n-th processes ran interleaved, in one round.

    What counts is each round's logarithm of the ratio b/a, the median over the moments at which
    both were timed: drifts of the machine cancel.
    `a` is there twice, so each round has two ratios b/a and one ratio a/a.
    A difference is claimed when three things hold:

    1. A permutation test finds it: if b were as fast as a, each round's three times could bear any
       of the three names. (R. A. Fisher, The Design of Experiments, 1935, chapter 3; randomised
       within blocks.)
    2. The bootstrap interval of the ratio, over rounds, excludes 1.
    3. It is larger than what this machine shows between a and a (see `Verdict.noise`).

    Args:
        a: Seconds; one tuple of values a process.
        b: The same of the other algorithm.
        again: The first algorithm a second time; empty leaves out the third condition.
        level: The share of false alarms that is allowed.
    """
    logs = _rounds(a, b, again)
    count = len(logs)
    if count < FEWEST_ROUNDS:
        return _too_few(logs, count)
    differences = _differences(logs)
    effect = float(resampling.trimmed_mean(differences.reshape(-1)))
    chosen = resampling.choices(_RESAMPLES, count)
    low, high = resampling.interval(
        resampling.trimmed_mean(differences[chosen].reshape(_RESAMPLES, -1)), 1 - level, count
    )
    verdict = Verdict(
        verdict=NO_EVIDENCE,
        ratio=math.exp(effect),
        low=math.exp(min(low, effect)),
        high=math.exp(max(high, effect)),
        p_value=_permutation_p_value(logs, effect),
        noise=_noise(logs, chosen, level),
        round_count=count,
        message="",
    )
    return _judged(verdict, verdict.p_value, level)


def compare_sizes(
    sides: Sequence[
        tuple[Sequence[Sequence[float]], Sequence[Sequence[float]], Sequence[Sequence[float]]]
    ],
    *,
    level: float = 0.05,
) -> tuple[Verdict, ...]:
    """Compares (a, b, again) of several sizes; more sizes do not bring more false alarms.

    The p-values of the verdicts are those after Holm's correction.
    """
    alone = [compare(a, b, again, level=level) for a, b, again in sides]
    corrected = holm([verdict.p_value for verdict in alone])
    return tuple(
        _judged(replace(verdict, p_value=p_value), p_value, level)
        if verdict.low is not None
        else verdict
        for verdict, p_value in zip(alone, corrected, strict=True)
    )


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P-values corrected for their number.

    S. Holm, A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of
    Statistics 6 (1979).
    """
    corrected = [1.0] * len(p_values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = highest
    return tuple(corrected)


def _rounds(
    a: Sequence[Sequence[float]], b: Sequence[Sequence[float]], again: Sequence[Sequence[float]]
) -> Floats:
    """Log times of the rounds in which all sides have values  # (rounds, 2 or 3) float64"""
    sides = (a, b, again) if any(len(values) for values in again) else (a, b)
    rounds = [
        _log_times(processes)
        for processes in zip(*sides, strict=False)
        if all(len(values) for values in processes)
    ]
    return np.array(rounds, dtype=np.float64).reshape(len(rounds), len(sides))


def _log_times(processes: Sequence[Sequence[float]]) -> Floats:
    """One figure for each side of a round, up to a constant  # (sides,) float64

    The n-th values of all sides were taken one right after the other. What the machine did at that
    moment is common to them and is taken out before the median: on machines whose speed changes
    from one millisecond to the next, this is most of the noise.
    """
    if len({len(values) for values in processes}) > 1:
        return np.log([max(float(np.median(values)), 1e-12) for values in processes])
    logs = np.log(np.maximum(np.array(processes, dtype=np.float64), 1e-12))
    moments = logs.mean(axis=0, keepdims=True)
    level = float(np.median(moments))
    times: Floats = np.median(logs - moments, axis=1) + level
    return times


def _differences(logs: Floats) -> Floats:
    """Of each round: b - a, and b - again where that is there  # (rounds, 1 or 2) float64"""
    others = np.delete(logs, 1, axis=1)
    difference: Floats = logs[:, 1:2] - others
    return difference


@cache
def _names(permutations: int, rounds: int, sides: int) -> NDArray[np.int64]:
    """Which of a round's times bears the name b  # (permutations, rounds) int64"""
    return resampling.random_source().integers(0, sides, size=(permutations, rounds))


def _permutation_p_value(logs: Floats, effect: float) -> float:
    rounds, sides = logs.shape
    named_b = _names(_PERMUTATIONS, rounds, sides)
    index = np.arange(rounds)
    times_b = logs[index, named_b]
    differences = np.concatenate(
        [times_b - logs[index, (named_b + step) % sides] for step in range(1, sides)], axis=1
    )
    by_chance = np.abs(resampling.trimmed_mean(differences))
    # Rounding must not make a permutation that changes nothing look smaller.
    as_large = int(np.count_nonzero(by_chance >= abs(effect) * (1 - 1e-9)))
    return (as_large + 1) / (_PERMUTATIONS + 1)


def _noise(logs: Floats, chosen: NDArray[np.int64], level: float) -> float | None:
    if logs.shape[1] < 3:
        return None
    again = logs[:, 2] - logs[:, 0]
    low, high = resampling.interval(resampling.trimmed_mean(again[chosen]), 1 - level, len(again))
    # Where even a differs from a, that bias adds to what cannot be believed.
    bias = max(0.0, low, -high)
    return math.expm1((high - low) / 2.0 + bias)


def _judged(verdict: Verdict, p_value: float, level: float) -> Verdict:
    """The verdict with its word and its message."""
    low, high, noise = verdict.low or 0.0, verdict.high or math.inf, verdict.noise or 0.0
    size = abs(math.log(verdict.ratio))
    excludes_one = low > 1.0 or high < 1.0
    is_found = excludes_one and p_value < level
    is_claimed = is_found and size > math.log1p(noise)
    word: VerdictWord = NO_EVIDENCE
    if is_claimed:
        word = "slower" if verdict.ratio > 1.0 else "faster"
        message = f"b is {word}: {described(verdict.ratio, low, high)}"
    elif is_found:
        message = (
            f"no evidence of a difference: b/a = {verdict.ratio:.3f}, but this machine shows "
            f"± {100 * noise:.1f} % between a and a; measure more processes, or on a quieter "
            "machine"
        )
    else:
        message = (
            f"no evidence of a difference: {described(verdict.ratio, low, high)}; "
            "more processes make the interval narrower"
        )
    return replace(verdict, verdict=word, message=message)


def described(ratio: float, low: float, high: float) -> str:
    """A ratio of times in words, for messages."""
    return f"it takes {ratio:.3f} times as long ({low:.3f} to {high:.3f})"


def _too_few(logs: Floats, count: int) -> Verdict:
    ratio = math.exp(float(np.median(_differences(logs)))) if count else math.nan
    return Verdict(
        verdict=NO_EVIDENCE,
        ratio=ratio,
        low=None,
        high=None,
        p_value=1.0,
        noise=None,
        round_count=count,
        message=f"{count} complete rounds are too few to tell; measure at least "
        f"{FEWEST_ROUNDS} processes, better 12 or more",
    )


def compare_recorded(
    a: Sequence[Sequence[float]],
    b: Sequence[Sequence[float]],
    *,
    scale: float = 1.0,
    level: float = 0.05,
) -> Verdict:
    """Compares two results that were measured at different times.

    The unit is the process: what counts is how medians of processes vary within each result. What
    changed in the machine between the two is not in the interval, and the message says so.

    Args:
        a: The earlier result. Seconds; one tuple of values a process.
        b: The later one.
        scale: What times of b are multiplied by, for machines of different speed.
        level: The share of false alarms that is allowed.
    """
    logs_a = np.log(np.maximum(process_medians(a), 1e-12))
    logs_b = np.log(np.maximum(process_medians(b), 1e-12)) + math.log(scale)
    count = min(len(logs_a), len(logs_b))
    if count < FEWEST_ROUNDS:
        ratio = float(np.exp(np.median(logs_b) - np.median(logs_a))) if count else math.nan
        return replace(
            _too_few(np.zeros((0, 2)), 0),
            ratio=ratio,
            round_count=count,
            message=f"{count} processes are too few to tell; measure at least {FEWEST_ROUNDS} in "
            "both results",
        )
    effect = float(resampling.trimmed_mean(logs_b) - resampling.trimmed_mean(logs_a))
    # One matrix of choices would couple the two results when they have as many processes.
    source = resampling.random_source()
    chosen_a = source.integers(0, len(logs_a), size=(_RESAMPLES, len(logs_a)))
    chosen_b = source.integers(0, len(logs_b), size=(_RESAMPLES, len(logs_b)))
    estimates = resampling.trimmed_mean(logs_b[chosen_b]) - resampling.trimmed_mean(
        logs_a[chosen_a]
    )
    low, high = resampling.interval(estimates, 1 - level, count)
    verdict = Verdict(
        verdict=NO_EVIDENCE,
        ratio=math.exp(effect),
        low=math.exp(min(low, effect)),
        high=math.exp(max(high, effect)),
        p_value=_unpaired_p_value(logs_a, logs_b, effect),
        noise=None,
        round_count=count,
        message="",
    )
    judged = _judged(verdict, verdict.p_value, level)
    warning = "; these runs were not interleaved: a change of the machine between them would show"
    return replace(judged, message=judged.message + warning)


def _unpaired_p_value(logs_a: Floats, logs_b: Floats, effect: float) -> float:
    everything = np.concatenate([logs_a, logs_b])
    source = resampling.random_source()
    order = np.argsort(source.random((_PERMUTATIONS, everything.size)), axis=1)
    shuffled = everything[order]
    by_chance = np.abs(
        resampling.trimmed_mean(shuffled[:, logs_a.size :])
        - resampling.trimmed_mean(shuffled[:, : logs_a.size])
    )
    as_large = int(np.count_nonzero(by_chance >= abs(effect) * (1 - 1e-9)))
    return (as_large + 1) / (_PERMUTATIONS + 1)
