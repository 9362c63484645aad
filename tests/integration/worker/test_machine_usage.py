"""A real worker's machine as the fleet sees it, and as a task of the fleet does."""

import json
import sys
from datetime import UTC

from tensorfleet.orchestrator.v1 import job_pb2, worker_pb2
from tensorfleet.orchestrator.v1.worker_service_pb2 import (
    ListWorkersRequest,
    ListWorkerUsageRequest,
)
from tests.deadlines import eventually
from tests.integration.worker.small_fleet import SmallFleet, lines_of

READING = """
import time
import tensorfleet
from tensorfleet.shared.errors import WorkerNotFound
run = tensorfleet.init()
seen = []
while len(seen) < 2:
    seen += run.worker_usage("w1", seen[-1].time if seen else None)
    time.sleep(0.05)
print("in order", sorted(each.time for each in seen) == [each.time for each in seen])
print("plausible", all(0 <= each.cpu_busy <= 1 and each.cores for each in seen))
try:
    run.worker_usage("none")
except WorkerNotFound as exc:
    print(exc)
"""


async def usage_of(fleet: SmallFleet, name: str) -> list[worker_pb2.MachineSample]:
    answer = await fleet.door.workers.ListWorkerUsage(ListWorkerUsageRequest(worker_id=name))
    return list(answer.samples)


async def test_worker_looks_at_whole_moments_and_its_tasks_may_see_it(fleet: SmallFleet) -> None:
    await fleet.start_worker("w1", usage_seconds="0.25")
    spec = json.dumps({"command": [sys.executable, "reading.py"]})
    job, events = await fleet.finish(await fleet.submit("command", spec, {"reading.py": READING}))
    assert job.state == job_pb2.JOB_STATE_SUCCEEDED, lines_of(events)
    assert lines_of(events) == ["in order True", "plausible True", "no worker is called 'none'"]
    samples = await usage_of(fleet, "w1")
    assert [s.sequence for s in samples] == list(range(1, len(samples) + 1))
    for sample in samples:
        assert sample.time.ToDatetime(UTC).timestamp() % 0.25 == 0
        assert 0 < sample.memory_used_bytes < sample.memory_total_bytes


async def test_worker_that_is_told_not_to_look_tells_nothing(fleet: SmallFleet) -> None:
    await fleet.start_worker("looks", usage_seconds="0.25")
    await fleet.start_worker("blind", usage_seconds="0")

    async def is_attached() -> bool:
        return {w.id for w in await _workers(fleet)} == {"looks", "blind"}

    await eventually(is_attached)

    async def one_looks() -> bool:
        return len(await usage_of(fleet, "looks")) > 8

    await eventually(one_looks)
    assert await usage_of(fleet, "blind") == []


async def _workers(fleet: SmallFleet) -> list[worker_pb2.Worker]:
    return list((await fleet.door.workers.ListWorkers(ListWorkersRequest())).workers)
