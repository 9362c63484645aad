"""From SIGKILL of a worker to its task's next attempt on another one."""

import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

from tensorfleet.orchestrator.v1 import event_pb2, job_pb2, resources_pb2, task_pb2, worker_pb2
from tensorfleet.orchestrator.v1 import job_service_pb2 as jobs_pb
from tensorfleet.orchestrator.v1 import worker_service_pb2 as workers_pb
from tests.bench import job_client
from tests.bench.bench_process import tied_process
from tests.bench.embedded_fleet import EmbeddedFleet
from tests.deadlines import eventually

# Only these workers offer so many cores, so that the job runs nowhere else. Nothing starts them
# again, unlike those of the fleet, whose restart would tell of the loss before the lease does.
OFFERED_CPUS, ASKED_CPUS = 1_000, 600
ATTACH_TIMEOUT_SECONDS = 60.0


async def reassign_seconds(fleet: EmbeddedFleet, count: int) -> list[float]:
    """Kills a worker, so many times: how long until the task runs on another."""
    async with AsyncExitStack() as stack:
        workers = {
            name: await stack.enter_async_context(_worker(fleet, name))
            for name in (f"victim-{number}" for number in range(count + 1))
        }
        job_id = await job_client.create(
            fleet.jobs,
            job_pb2.JobSpec(
                kind="command",
                spec_json='{"command": ["sleep", "1000"]}',
                resources=resources_pb2.Resources(cpus=ASKED_CPUS, memory_bytes=2**29),
            ),
        )
        taken: list[float] = []
        killed_at = 0.0
        async with aclosing(job_client.events(fleet.jobs, job_id)) as stream:
            async for event in stream:
                if not _is_start(event):
                    continue
                if killed_at:
                    taken.append(time.monotonic() - killed_at)
                if len(taken) == count:
                    await fleet.jobs.CancelJob(jobs_pb.CancelJobRequest(job_id=job_id))
                    continue
                killed_at = time.monotonic()
                workers[event.task_state.worker_id].send_signal(signal.SIGKILL)
        return taken


def _is_start(event: event_pb2.Event) -> bool:
    return event.task_state.state == task_pb2.TASK_STATE_RUNNING


@asynccontextmanager
async def _worker(fleet: EmbeddedFleet, name: str) -> AsyncIterator[Process]:
    """A worker that is attached."""

    async def is_attached() -> bool:
        answer = await fleet.workers.ListWorkers(workers_pb.ListWorkersRequest())
        online = worker_pb2.WORKER_STATE_ONLINE
        return any(worker.id == name and worker.state == online for worker in answer.workers)

    async with tied_process(
        *(sys.executable, "-m", "tensorfleet.worker"),
        environment={
            "PATH": os.environ["PATH"],
            "TENSORFLEET_SERVICE_TOKEN": fleet.service_token,
            "TENSORFLEET_WORKER_NAME": name,
            "TENSORFLEET_WORKER_DATA_DIR": str(fleet.folder / "workers" / name),
            "TENSORFLEET_WORKER_CPUS": str(OFFERED_CPUS),
            "TENSORFLEET_WORKER_METRICS_LISTEN": "",
            "TENSORFLEET_WORKER_DRAIN_GRACE_SECONDS": "1",
            "TENSORFLEET_ORCHESTRATOR_ADDRESS": fleet.orchestrator_address,
            "TENSORFLEET_STORAGE_ADDRESS": fleet.storage_address,
        },
        log_path=fleet.folder / "logs" / f"{name}.log",
    ) as process:
        await eventually(is_attached, timeout_seconds=ATTACH_TIMEOUT_SECONDS)
        yield process
