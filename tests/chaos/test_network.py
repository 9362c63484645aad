"""The network of a fleet under load breaks for longer than a lease: nothing is lost."""

import asyncio
import time
from pathlib import Path

import pytest

from tensorfleet.local.mongodb import TRANSACTION_LIMIT_SECONDS
from tests.chaos.cast import Cast
from tests.chaos.monkey import Monkey
from tests.chaos.proxy import BOTH, Direction
from tests.chaos.storm import IS_LONG, SEED, STORM_SECONDS, storm
from tests.chaos.surroundings import LEASE_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

BROKEN_SECONDS = LEASE_SECONDS + 1
STATEMENT_SECONDS = 0.4
PATIENCE_SECONDS = 15
RECOVERY_SECONDS = 240.0

DEAF = frozenset({Direction.FROM_SERVER})
MUTE = frozenset({Direction.TO_SERVER})


async def test_worker_that_is_cut_off_loses_nothing(proxied_cast: Cast, tmp_path: Path) -> None:
    cast = proxied_cast
    async with storm(cast, tmp_path):
        for link in cast.links_from("worker-1"):
            await link.refuse()
            link.cut()
        cast.tell("worker-1 is cut off")
        await asyncio.sleep(BROKEN_SECONDS)


@pytest.mark.parametrize("directions", [DEAF, MUTE, BOTH], ids=["deaf", "mute", "both"])
async def test_worker_whose_connection_is_silent_loses_nothing(
    proxied_cast: Cast, tmp_path: Path, directions: frozenset[Direction]
) -> None:
    cast = proxied_cast
    async with storm(cast, tmp_path):
        for link in cast.links_from("worker-1"):
            link.stall(directions)
        cast.tell(f"nothing goes {sorted(d.value for d in directions)} of worker-1")
        await asyncio.sleep(BROKEN_SECONDS)


@pytest.mark.parametrize("store", ["valkey", "mongodb"])
async def test_orchestrator_that_is_cut_off_from_a_store_loses_nothing(
    proxied_cast: Cast, tmp_path: Path, store: str
) -> None:
    cast = proxied_cast
    async with storm(cast, tmp_path):
        link = cast.links["orchestrator-1", store]
        link.cut()
        link.stall()
        cast.tell(f"orchestrator-1 hears nothing of {store}")
        await asyncio.sleep(BROKEN_SECONDS)
        # What was held back arrives, as stale as it is.
        await link.heal()
        link.cut()
        cast.tell(f"connections of orchestrator-1 to {store} are reset")


@pytest.mark.skipif(
    not IS_LONG, reason="takes as long as MongoDB keeps a transaction; `make chaos` runs it"
)
async def test_orchestrator_killed_within_a_transaction_holds_its_job_up_for_a_while_only(
    proxied_cast: Cast, tmp_path: Path
) -> None:
    cast = proxied_cast
    link = cast.links["orchestrator-1", "mongodb"]
    async with storm(cast, tmp_path) as load:
        # So slow that a transaction of some statements is under way when the kill comes. MongoDB
        # keeps its locks, and whoever asks for the same job again has to wait for their end.
        link.delay(STATEMENT_SECONDS, [Direction.TO_SERVER])
        async with asyncio.TaskGroup() as group:
            async with asyncio.timeout(TRANSACTION_LIMIT_SECONDS + PATIENCE_SECONDS):
                jobs = [group.create_task(load.hand_in_one()) for _ in range(4)]
                await asyncio.sleep(2.5 * STATEMENT_SECONDS)
                await cast["orchestrator-1"].kill()
                await link.heal()
                began = time.monotonic()
                await asyncio.wait(jobs)
        cast.tell(f"accepted {time.monotonic() - began:.1f} s after the kill")


@pytest.mark.timeout(STORM_SECONDS + RECOVERY_SECONDS)
async def test_random_storm_loses_nothing(proxied_cast: Cast, tmp_path: Path) -> None:
    async with storm(proxied_cast, tmp_path):
        await Monkey(proxied_cast, SEED).rage(STORM_SECONDS)
