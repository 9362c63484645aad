"""Members of a fleet under load stop (SIGSTOP) for longer than a lease, and go on later."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.chaos.cast import Cast
from tests.chaos.door import jobs_door, runs_somewhere
from tests.chaos.storm import storm
from tests.chaos.surroundings import LEASE_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

FROZEN_SECONDS = LEASE_SECONDS + 1


async def test_frozen_worker_loses_its_task_and_comes_too_late(cast: Cast, tmp_path: Path) -> None:
    async with storm(cast, tmp_path) as load, jobs_door(cast) as jobs:
        job_id = await load.hand_in_one(run_seconds=LEASE_SECONDS)
        frozen = await runs_somewhere(jobs, job_id, attempt=1)
        cast[frozen].freeze()
        began = time.monotonic()
        # Its own process goes on meanwhile, and ends well: nobody hears of it in time.
        assert await runs_somewhere(jobs, job_id, attempt=2) != frozen
        cast.tell(f"task of {frozen} elsewhere after {time.monotonic() - began:.1f} s")
        await asyncio.sleep(1)
        cast[frozen].thaw()


@pytest.mark.parametrize("victim", ["orchestrator-1", "valkey", "mongodb"])
async def test_frozen_member_loses_nothing(cast: Cast, tmp_path: Path, victim: str) -> None:
    async with storm(cast, tmp_path):
        cast[victim].freeze()
        await asyncio.sleep(FROZEN_SECONDS)
        cast[victim].thaw()
