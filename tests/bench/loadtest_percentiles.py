"""Whether percentiles are true: servers that sleep known times, and one that stalls."""

import numpy as np

from tensorfleet.kinds.loadtest.arrivals import Constant
from tests.bench.known_server import exponential_times
from tests.bench.loadtest_parts import generator, known_server

MEAN_SECONDS, COUNT, SEED = 0.2, 4_000, 7
RATE = 400.0
STALL_PERIOD, STALL_SECONDS = 2.0, 0.5
CONNECTIONS = 1_000
PERCENTS = (50.0, 75.0, 90.0, 95.0, 99.0)


async def sleeping_error() -> float:
    """The largest relative error of percentiles beside those of the times that the server slept."""
    times = exponential_times(MEAN_SECONDS, COUNT, SEED)
    async with (
        known_server("exponential", MEAN_SECONDS, COUNT, SEED) as url,
        generator(url, CONNECTIONS, path="/${counter}") as ours,
    ):
        outcome = await ours.run(Constant(rate=RATE, duration_seconds=COUNT / RATE))
    true = np.percentile(times, PERCENTS, method="inverted_cdf")
    measured = np.array([outcome.response[f"{percent:g}"] for percent in PERCENTS])
    return float(np.max(np.abs(measured / true - 1)))


async def stalling_error() -> tuple[float, float]:
    """The same for a server that stalls: of response times, and of service times alone.

    Arrivals are even: of each period's, those at a time t within the stall wait for the rest of
    it, so a share p of all waits longer than length - p × period.
    """
    async with (
        known_server("stall", STALL_PERIOD, STALL_SECONDS) as url,
        # As few connections as a generator has that waits for answers.
        generator(url, 10) as ours,
    ):
        outcome = await ours.run(Constant(rate=RATE, duration_seconds=5 * STALL_PERIOD))
    percents = (90.0, 95.0, 99.0)
    true = np.array([STALL_SECONDS - (1 - p / 100) * STALL_PERIOD for p in percents])
    response = np.array([outcome.response[f"{p:g}"] for p in percents])
    service = np.array([outcome.service[f"{p:g}"] for p in percents])
    return (
        float(np.max(np.abs(response / true - 1))),
        float(np.max(np.abs(service / true - 1))),
    )
