"""The bootstrap over processes: values of one process are not independent of each other."""

from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorfleet.kinds.profile.statistics.student_t import two_sided_quantile

Floats = NDArray[np.float64]

# Equal figures always give equal intervals.
_SEED = 20_071_021


def random_source() -> np.random.Generator:
    """Always the same random numbers."""
    return np.random.default_rng(_SEED)


@cache
def choices(resamples: int, count: int) -> NDArray[np.int64]:
    """Which of `count` things each resample takes, with replacement  # (resamples, count) int64"""
    return random_source().integers(0, count, size=(resamples, count))


@cache
def _tail(confidence: float, count: int) -> float:
    """The share to cut off on each side.

    The percentile interval of a small sample is too narrow; this widens it as a t-interval is
    wider than a normal one: T. Hesterberg, What Teachers Should Know About the Bootstrap, The
    American Statistician 69 (2015), the "expanded percentile" interval.
    """
    t = two_sided_quantile(confidence, count - 1)
    return NormalDist().cdf(-((count / (count - 1)) ** 0.5) * t)


def interval(estimates: Floats, confidence: float, count: int) -> tuple[float, float]:
    """The confidence interval from the estimates of all resamples of `count` things."""
    tail = _tail(confidence, count)
    low, high = np.quantile(estimates, [tail, 1.0 - tail])
    return float(low), float(high)


def trimmed_mean(values: NDArray[Any], share: float = 0.2) -> Floats:
    """The mean along the last axis without this share of values at each end."""
    count = values.shape[-1]
    cut = int(share * count)
    kept = np.sort(values, axis=-1)[..., cut : count - cut]
    mean: Floats = kept.mean(axis=-1)
    return mean
