"""Every replica is restarted politely, one after the other: nobody loses a task or an event."""

import asyncio
from pathlib import Path

import pytest

from tests.chaos.cast import GATEWAYS, ORCHESTRATORS, Cast
from tests.chaos.reader import EventStreamReader
from tests.chaos.storm import storm

pytestmark = pytest.mark.asyncio(loop_scope="module")

# A line every tenth of a second, until a file says that it is enough.
COUNTING = "n=0; while [ ! -e {file} ]; do n=$((n + 1)); echo line $n; sleep 0.1; done"


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
