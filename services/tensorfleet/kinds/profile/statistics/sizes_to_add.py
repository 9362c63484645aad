"""Which sizes would tell more."""

import math
from collections.abc import Sequence
from itertools import pairwise

MOST_SUGGESTED = 4


def further_sizes(
    sizes: Sequence[int],
    *,
    exponent: float,
    last_figure: float,
    limit: float = math.inf,
    max_size: int = 0,
) -> tuple[int, ...]:
    """Up to four sizes that continue a geometric progression, smallest first.

    Args:
        sizes: Those that were measured, in order.
        exponent: How figures grow at the largest sizes: as n to this power.
        last_figure: Of the largest size.
        limit: Sizes whose figure would be larger are left out.
        max_size: Larger ones are left out; 0 means that there is no such limit.
    """
    if not sizes:
        return (64, 256, 1024, 4096)
    ratio = _usual_ratio(sizes)
    largest = sizes[-1]
    found: list[int] = []
    for step in range(1, MOST_SUGGESTED + 1):
        size = _rounded(largest * ratio**step, sizes)
        predicted = last_figure * (size / largest) ** max(0.0, exponent)
        is_allowed = predicted <= limit and (not max_size or size <= max_size)
        if is_allowed and size > (found[-1] if found else largest):
            found.append(size)
    if len(found) < MOST_SUGGESTED:
        found = sorted({*found, *_between(sizes, MOST_SUGGESTED - len(found))})
    return tuple(found)


def further_steps(
    sizes: Sequence[int],
    *,
    base: float,
    last_figure: float,
    limit: float = math.inf,
    max_size: int = 0,
) -> tuple[int, ...]:
    """The same for figures that grow exponentially: sizes rise by steps, not by factors."""
    step = max(1, round((sizes[-1] - sizes[0]) / max(1, len(sizes) - 1)))
    candidates = [sizes[-1] + step * k for k in range(1, MOST_SUGGESTED + 1)]
    return tuple(
        size
        for size in candidates
        if last_figure * base ** min(1000, size - sizes[-1]) <= limit
        and (not max_size or size <= max_size)
    )


def _usual_ratio(sizes: Sequence[int]) -> float:
    if len(sizes) < 2:
        return 2.0
    whole: float = (sizes[-1] / max(1, sizes[0])) ** (1 / (len(sizes) - 1))
    # Steps of ten are too few points, steps of a tenth too little range.
    return min(4.0, max(2.0, whole))


def _between(sizes: Sequence[int], count: int) -> list[int]:
    """Sizes in the middle of the widest gaps, where these are wider than a factor of three."""
    gaps = sorted(
        (
            (high / max(1, low), low, high)
            for low, high in pairwise(sizes)
            if high > 3 * max(1, low)
        ),
        reverse=True,
    )
    return [_rounded(math.sqrt(max(1, low) * high), sizes) for _, low, high in gaps[:count]]


def _rounded(size: float, sizes: Sequence[int]) -> int:
    """A power of two where all sizes are such, else two digits that count."""
    if all(known & (known - 1) == 0 for known in sizes):
        return int(2 ** round(math.log2(size)))
    digits = 10 ** max(0, int(math.log10(size)) - 1)
    return int(round(size / digits) * digits)
