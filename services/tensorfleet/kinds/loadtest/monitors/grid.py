"""Moments at an exact interval."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable


async def moments(clock: Callable[[], float], interval_seconds: float) -> AsyncIterator[float]:
    """Each multiple of the interval on the clock, as soon as it has come.

    There is no drift, as no wait builds on the one before. Whoever takes longer than an interval
    for one misses those in between.
    """
    number = math.floor(clock() / interval_seconds)
    while True:
        # Not the same again: a multiple divided by the interval may come out a little smaller.
        number = max(math.floor(clock() / interval_seconds), number) + 1
        moment = number * interval_seconds
        while (wait := moment - clock()) > 0:  # noqa: ASYNC110  loops wake a little early
            await asyncio.sleep(wait)
        yield moment
