"""Members of a fleet under load are killed with SIGKILL: nothing is lost or done twice."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.chaos.cast import Cast
from tests.chaos.door import jobs_door, runs_somewhere
from tests.chaos.storm import storm
from tests.chaos.surroundings import LEASE_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

GONE_SECONDS = 1.0
# Far above what it takes (printed): the machine also runs the load, and other tests.
ELSEWHERE_SECONDS = LEASE_SECONDS + 10


async def test_killed_worker_has_its_task_run_elsewhere_within_its_lease(
    cast: Cast, tmp_path: Path
) -> None:
    async with storm(cast, tmp_path) as load, jobs_door(cast) as jobs:
        job_id = await load.hand_in_one(run_seconds=1)
        victim = await runs_somewhere(jobs, job_id, attempt=1)
        await cast[victim].kill()
        began = time.monotonic()
        assert await runs_somewhere(jobs, job_id, attempt=2) != victim
        seconds = time.monotonic() - began
        cast.tell(f"task of {victim} elsewhere after {seconds:.2f} s, lease {LEASE_SECONDS:g} s")
        assert seconds < ELSEWHERE_SECONDS


@pytest.mark.parametrize("victim", ["orchestrator-1", "gateway-1", "valkey", "mongodb"])
async def test_killed_member_loses_nothing(cast: Cast, tmp_path: Path, victim: str) -> None:
    async with storm(cast, tmp_path):
        await cast[victim].kill()
        await asyncio.sleep(GONE_SECONDS)


async def test_emptied_redis_loses_nothing(cast: Cast, tmp_path: Path) -> None:
    async with storm(cast, tmp_path), cast.redis() as redis:
        await redis.flushall()
        cast.tell("FLUSHALL")
