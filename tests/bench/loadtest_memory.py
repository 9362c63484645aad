"""Whether a generator's memory stays flat over many requests."""

import numpy as np

from tensorfleet.kinds.loadtest.arrivals import Closed, Constant
from tests.bench.loadtest_parts import generator, nginx

CONNECTIONS = 64
MEBIBYTE = 1024 * 1024
# Of what a closed loop reaches.
SHARE = 0.6
WARM_UP_SECONDS = 3


async def growth_per_million_mib(requests: int) -> float:
    """By how much the resident memory grows with a million requests: the trend over the run."""
    async with nginx() as url, generator(url, CONNECTIONS) as ours:
        closed = await ours.run(Closed(users=CONNECTIONS, duration_seconds=3))
        rate = closed.answered_per_second * SHARE
        outcome = await ours.run(Constant(rate=rate, duration_seconds=requests / rate))
    if outcome.failed or outcome.answered != outcome.scheduled:
        raise RuntimeError(f"{outcome.failed} of {outcome.scheduled} requests failed")
    resident = np.array(outcome.resident_bytes[WARM_UP_SECONDS:], dtype=float)
    slope, _ = np.polyfit(np.arange(resident.size), resident, 1)
    return float(slope / rate * 1e6 / MEBIBYTE)
