"""Members of a fleet under load are killed, frozen and restarted: nothing is lost or done twice."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.chaos.cast import GATEWAYS, ORCHESTRATORS, Cast
from tests.chaos.door import jobs_door, runs_somewhere
from tests.chaos.reader import EventStreamReader
from tests.chaos.storm import storm
from tests.chaos.surroundings import LEASE_SECONDS

pytestmark = pytest.mark.asyncio(loop_scope="module")

GONE_SECONDS = 1.0
FROZEN_SECONDS = LEASE_SECONDS + 1
# Far above what it takes (printed): the machine also runs the load, and other tests.
ELSEWHERE_SECONDS = LEASE_SECONDS + 10
# A line every tenth of a second, until a file says that it is enough.
COUNTING = "n=0; while [ ! -e {file} ]; do n=$((n + 1)); echo line $n; sleep 0.1; done"


async def test_killed_worker_has_its_task_run_elsewhere_within_its_lease(
    cast: Cast, tmp_path: Path
) -> None:
    async with storm(cast, tmp_path) as load, jobs_door(cast) as jobs:
        job_id = await load.hand_in_one(run_seconds=LEASE_SECONDS)
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


async def test_rolling_restart_loses_no_task_and_no_event(cast: Cast, tmp_path: Path) -> None:
    enough = tmp_path / "enough"
    async with storm(cast, tmp_path) as load:
        job_id = await load.hand_in_one(command=COUNTING.format(file=enough))
        reader = EventStreamReader(clients=load.clients, job_id=job_id)
        async with asyncio.TaskGroup() as group:
            group.create_task(reader.read())
            for name in (*ORCHESTRATORS, *GATEWAYS):
                assert await cast[name].terminate() == 0
                await cast[name].start()
            enough.touch()
        cast.tell(f"{len(reader.events)} events over {reader.connections} connections")
        sequences = [event.sequence for event in reader.events]
        assert sequences == list(range(1, len(sequences) + 1))
        assert reader.lines == [f"line {n + 1}" for n in range(len(reader.lines))]
        assert reader.connections > 1
