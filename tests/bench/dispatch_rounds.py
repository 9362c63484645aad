"""Measuring our own dispatch, through the door that clients use."""

import asyncio
import time
from dataclasses import dataclass

import msgspec

from tensorfleet.orchestrator.v1 import job_pb2
from tests.bench import job_client
from tests.bench.embedded_fleet import EmbeddedFleet
from tests.bench.job_client import JobWentWrong

CREATES_IN_FLIGHT = 200
PYTHON_JOBS_IN_FLIGHT = 32

CODE = {
    "noop.py": "def echo(number):\n    return number\n",
    "script.py": "",
}


@dataclass(frozen=True, kw_only=True)
class Dispatch:
    """A fleet, and the code in it that does nothing."""

    fleet: EmbeddedFleet
    code_id: str

    @classmethod
    async def prepare(cls, fleet: EmbeddedFleet) -> "Dispatch":
        """Uploads the code, and lets every worker warm up."""
        dispatch = cls(fleet=fleet, code_id=await asyncio.to_thread(fleet.upload, CODE))
        await dispatch.tasks_per_second(1_000)
        await dispatch.python_jobs_per_second(20)
        return dispatch

    async def tasks_per_second(self, count: int) -> float:
        """One job of so many tasks: from its creation until the client has every result."""
        started = time.perf_counter()
        job_id = await job_client.create(self.fleet.jobs, self._calls(range(count)))
        found = await job_client.results(self.fleet.jobs, job_id, count)
        seconds = time.perf_counter() - started
        if found != {f"{job_id}-{index}": str(index) for index in range(count)}:
            raise JobWentWrong(f"{job_id}: {len(found)} of {count} results came, or wrong ones")
        return count / seconds

    async def jobs_per_second(self, count: int) -> float:
        """So many jobs of one task: until the client has seen each in the list of succeeded jobs.

        The client lists jobs every now and then; it learns that they succeeded, not what their
        tasks returned.
        """
        jobs = self.fleet.jobs
        marker = await job_client.create(jobs, self._calls([0]))
        await job_client.end(jobs, marker)
        started = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            creating = group.create_task(
                job_client.at_most(
                    CREATES_IN_FLIGHT,
                    lambda number: job_client.create(jobs, self._calls([number])),
                    range(count),
                )
            )
            await job_client.list_until_succeeded(jobs, "call", marker, creating)
        return count / (time.perf_counter() - started)

    async def followed_jobs_per_second(self, count: int) -> float:
        """So many jobs of one task, each followed by its own stream until its result has come."""

        async def one(number: int) -> None:
            job_id = await job_client.create(self.fleet.jobs, self._calls([number]))
            _check(number, await job_client.first_result(self.fleet.jobs, job_id))

        started = time.perf_counter()
        await job_client.at_most(CREATES_IN_FLIGHT, one, range(count))
        return count / (time.perf_counter() - started)

    async def single_latencies_ms(self, count: int) -> list[float]:
        """A job of one task, one after another: from its creation until its result has come."""
        latencies_ms = []
        for number in range(count):
            started = time.perf_counter()
            job_id = await job_client.create(self.fleet.jobs, self._calls([number]))
            result = await job_client.first_result(self.fleet.jobs, job_id)
            latencies_ms.append((time.perf_counter() - started) * 1000)
            _check(number, result)
        return latencies_ms

    async def python_job_latencies_ms(self, count: int) -> list[float]:
        """A job that runs an empty script in a process of its own: until the client sees its end.

        One after another, from the pool of processes that have torch imported.
        """
        latencies_ms = []
        for _ in range(count):
            started = time.perf_counter()
            await self._python_job()
            latencies_ms.append((time.perf_counter() - started) * 1000)
        return latencies_ms

    async def python_jobs_per_second(self, count: int) -> float:
        """The same, many at a time."""

        async def one(_: int) -> None:
            await self._python_job()

        started = time.perf_counter()
        await job_client.at_most(PYTHON_JOBS_IN_FLIGHT, one, range(count))
        return count / (time.perf_counter() - started)

    async def _python_job(self) -> None:
        spec = job_pb2.JobSpec(
            kind="train", spec_json='{"entrypoint": "script.py"}', code_artifact_id=self.code_id
        )
        await job_client.end(self.fleet.jobs, await job_client.create(self.fleet.jobs, spec))

    def _calls(self, numbers: "range | list[int]") -> job_pb2.JobSpec:
        calls = [{"args": [number]} for number in numbers]
        return job_pb2.JobSpec(
            kind="call",
            spec_json=msgspec.json.encode({"function": "noop:echo", "calls": calls}).decode(),
            code_artifact_id=self.code_id,
        )


def _check(number: int, result_json: str) -> None:
    if result_json != str(number):
        raise JobWentWrong(f"the result should be {number}, not {result_json!r}")
