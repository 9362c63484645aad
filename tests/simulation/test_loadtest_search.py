"""Searches for the highest rate, against simulated servers whose capacity is known."""

import numpy as np
import pytest

from tensorfleet.kinds.loadtest.campaign.campaign import conduct
from tensorfleet.kinds.loadtest.spec import FindMaxRps, Hold, Spec
from tests.fakes.simulated_target import Heard, SimulatedRunner, SimulatedTarget

SEEDS = 200
BATCHES = 4
HOLD = Hold(rest_seconds=0, max_seconds=12, neighbours=0, final_seconds=1)


async def found_share(seed: int) -> float:
    """The rate that a search finds, of the true capacity.

    Single requests vary by up to 60 %, whole runs by one, and the server stalls now and then.
    """
    random = np.random.default_rng(seed)
    capacity = random.uniform(200, 500)
    target = SimulatedTarget(
        random=random,
        service_seconds=lambda _: 1 / capacity,
        variation=random.uniform(0, 0.6),
        wander=0.01,
        stalls_per_second=0.2,
        stall_seconds=0.02,
    )
    spec = Spec(target="http://127.0.0.1:1", find_max_rps=FindMaxRps(start=100), hold=HOLD)
    document = await conduct(spec, SimulatedRunner(target=target), None, Heard(), config={})
    assert document.search is not None
    assert document.search.best is not None
    return document.search.best / capacity


@pytest.mark.parametrize("batch", range(BATCHES))
async def test_search_finds_every_capacity_within_five_percent(batch: int) -> None:
    shares = [await found_share(seed) for seed in range(batch, SEEDS, BATCHES)]
    assert min(shares) > 0.95
    assert max(shares) < 1.05
