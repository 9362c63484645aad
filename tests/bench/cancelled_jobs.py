"""From the call of CancelJob until the task's process is gone."""

import asyncio
import time
from contextlib import aclosing
from pathlib import Path

from tensorfleet.orchestrator.v1 import job_pb2, resources_pb2
from tensorfleet.orchestrator.v1 import job_service_pb2 as pb
from tests.bench import job_client
from tests.bench.embedded_fleet import EmbeddedFleet

AT_A_TIME = 10
CANCEL_TIMEOUT_SECONDS = 60.0
LOOK_SECONDS = 0.001
SPEC = job_pb2.JobSpec(
    kind="command",
    spec_json='{"command": "echo $$; exec sleep 1000"}',
    resources=resources_pb2.Resources(cpus=0.1, memory_bytes=2**26),
)


async def cancel_seconds(fleet: EmbeddedFleet, count: int) -> list[float]:
    """Starts sleeping processes, some at a time, and cancels each: how long it lives on."""

    async def one(_: int) -> float:
        job_id = await job_client.create(fleet.jobs, SPEC)
        process = Path("/proc", await _process_id(fleet, job_id))
        if not process.exists():
            raise job_client.JobWentWrong(f"the process of {job_id} is not to be seen")
        started = time.monotonic()
        await fleet.jobs.CancelJob(pb.CancelJobRequest(job_id=job_id))
        async with asyncio.timeout(CANCEL_TIMEOUT_SECONDS):
            while process.exists():  # noqa: ASYNC110  nothing tells of the end of another's child
                await asyncio.sleep(LOOK_SECONDS)
        return time.monotonic() - started

    return await job_client.at_most(AT_A_TIME, one, range(count))


async def _process_id(fleet: EmbeddedFleet, job_id: str) -> str:
    """What the command printed first."""
    async with aclosing(job_client.events(fleet.jobs, job_id)) as stream:
        async for event in stream:
            if event.log.lines:
                return event.log.lines[0]
    raise job_client.JobWentWrong(f"{job_id} ended without printing its process id")
