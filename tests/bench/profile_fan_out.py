"""A thousand profile tasks on a fleet: how much of the workers' time they fill."""

import asyncio

from tests.bench.embedded_fleet import embedded_fleet

WORKERS = 2
SPEC = {
    "algorithms": ["merge_sort"],
    "sizes": [100, 400, 1600],
    "measuring": {"processes": 6, "values": 3, "value_seconds": 0.01},
}


async def busy_share(tasks: int) -> float:
    """Of the time from the first start to the last end, what the workers had a task."""
    async with embedded_fleet(workers=WORKERS) as fleet:
        with fleet.client() as client:
            spec = {**SPEC, "repeats": tasks}
            # Two workers of one machine: each with half of its cores.
            job = await asyncio.to_thread(client.submit, {"kind": "profile", "spec": spec})
            ended = await asyncio.to_thread(client.wait, job.id)
            if ended.state != "succeeded":
                raise RuntimeError(f"the job {ended.state}: {ended.failure}")
            attempts = [
                attempt
                for task in await asyncio.to_thread(lambda: list(client.tasks(job.id)))
                for attempt in task.attempts
            ]
    starts = [attempt.start_time for attempt in attempts]
    ends = [attempt.end_time for attempt in attempts if attempt.end_time is not None]
    busy = sum((end - start).total_seconds() for start, end in zip(starts, ends, strict=True))
    return busy / (WORKERS * (max(ends) - min(starts)).total_seconds())
