"""Figures over sizes, with resamples that say how sure they are."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorfleet.kinds.profile.statistics import resampling
from tensorfleet.kinds.profile.statistics.resampling import Floats

RESAMPLES = 200

# From the figures of several processes to one; along the given axis.
Summing = Callable[..., Any]

# Of a figure that was taken only once, such as a peak of memory.
_UNKNOWN_NOISE = 0.02

# Nothing measured is larger, and its square is still a number.
_LARGEST = 1e100


@dataclass(frozen=True, slots=True)
class Figures:
    """What grows, over sizes in rising order from 2 on."""

    sizes: Floats
    """(sizes,) float64"""
    typical: Floats
    """One of all processes: their median, or the least  # (sizes,) float64"""
    resampled: Floats
    """The same of resampled processes  # (resamples, sizes) float64"""
    process_count: int
    tolerance: float
    """Smaller differences mean nothing, in the unit of the figures."""

    @property
    def noise(self) -> float:
        """How far, relatively, a typical figure may be off: root mean square over the sizes."""
        floor = np.maximum(self.typical, max(self.tolerance, 1e-300))
        deviations = (self.resampled - self.typical) / floor
        return float(np.sqrt((deviations**2).mean()))

    def from_size(self, start: int) -> "Figures":
        """Without so many of the smallest sizes."""
        return Figures(
            self.sizes[start:],
            self.typical[start:],
            self.resampled[:, start:],
            self.process_count,
            self.tolerance,
        )

    def slope(self) -> tuple[float, float, float] | None:
        """How they grow in the upper half of sizes: as n to this power, with its interval.

        Least squares of log figure over log size; None when too few figures are above the
        tolerance.
        """
        start = len(self.sizes) - max(3, math.ceil(len(self.sizes) / 2))
        upper = self.from_size(max(0, start))
        # The floor is also for resamples, whose noise is near the tolerance there.
        floor = max(self.tolerance, 1e-300)
        if len(upper.sizes) < 3 or float(upper.typical.max()) <= 2 * self.tolerance:
            return None
        slopes = _slopes(np.maximum(upper.resampled, floor), upper.sizes)
        value = float(_slopes(np.maximum(upper.typical, floor)[None, :], upper.sizes)[0])
        low, high = resampling.interval(slopes, 0.95, max(2, self.process_count))
        return value, min(low, value), max(high, value)


def collect(
    points: Sequence[tuple[int, Sequence[float]]], tolerance: float, *, is_least: bool = False
) -> Figures:
    """From sizes with one figure a process; sizes 0 and 1 say nothing about growth.

    Args:
        is_least: Whether the least figure of a size counts, instead of the median.
    """
    of_many: Summing = np.min if is_least else np.median
    merged: dict[int, list[float]] = {}
    for size, values in points:
        known = [float(value) for value in values if 0 <= value <= _LARGEST]
        if size >= 2 and known:
            merged.setdefault(size, []).extend(known)
    sizes = sorted(merged)
    columns = [np.array(merged[size], dtype=np.float64) for size in sizes]
    typical = np.array([of_many(column) for column in columns], dtype=np.float64)
    if tolerance <= 0:
        # A time of zero is one that the clock could not see.
        tolerance = 1e-12
    fewest = min((len(column) for column in columns), default=0)
    return Figures(
        np.array(sizes, dtype=np.float64),
        typical,
        _resampled(columns, typical, tolerance, of_many),
        fewest,
        tolerance,
    )


def _resampled(
    columns: list[Floats], typical: Floats, tolerance: float, of_many: Summing
) -> Floats:
    if not columns:
        return np.zeros((RESAMPLES, 0))
    counts = {len(column) for column in columns}
    if counts == {1}:
        source = resampling.random_source()
        noise = source.normal(0.0, _UNKNOWN_NOISE, size=(RESAMPLES, len(columns)))
        grain = source.uniform(-0.5, 0.5, size=(RESAMPLES, len(columns))) * tolerance
        return np.maximum(0.0, typical * (1 + noise) + grain)
    if len(counts) == 1:
        # The same processes measured every size: what is slow in one is slow in all.
        chosen = resampling.choices(RESAMPLES, counts.pop())
        whole: Floats = of_many(np.stack(columns, axis=1)[chosen], axis=1)
        return whole
    source = resampling.random_source()
    return np.stack(
        [
            of_many(column[source.integers(0, len(column), size=(RESAMPLES, len(column)))], axis=1)
            for column in columns
        ],
        axis=1,
    )


def _slopes(figures: Floats, sizes: Floats) -> Floats:
    x = np.log(sizes) - np.log(sizes).mean()
    slopes: Floats = (np.log(figures) * x).sum(axis=1) / (x**2).sum()
    return slopes
