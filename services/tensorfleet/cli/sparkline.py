"""A row of numbers as a row of little bars."""

import math
from collections.abc import Sequence
from itertools import pairwise

BARS = "▁▂▃▄▅▆▇█"
GAP = " "


def sparkline(values: Sequence[float], width: int) -> str:
    """The values as bars from the lowest to the highest among them; of many, means of equal runs.

    What is not a finite number becomes a gap.
    """
    if not values or width < 1:
        return ""
    points = [_mean(run) for run in _runs(values, width)]
    finite = [point for point in points if math.isfinite(point)]
    if not finite:
        return GAP * len(points)
    low, high = min(finite), max(finite)
    return "".join(_bar(point, low, high) for point in points)


def _bar(point: float, low: float, high: float) -> str:
    if not math.isfinite(point):
        return GAP
    if high == low:
        return BARS[0]
    return BARS[min(len(BARS) - 1, int((point - low) / (high - low) * len(BARS)))]


def _runs(values: Sequence[float], width: int) -> list[Sequence[float]]:
    if len(values) <= width:
        return [[value] for value in values]
    edges = [round(n * len(values) / width) for n in range(width + 1)]
    return [values[start:end] for start, end in pairwise(edges)]


def _mean(run: Sequence[float]) -> float:
    finite = [value for value in run if math.isfinite(value)]
    return sum(finite) / len(finite) if finite else math.nan
