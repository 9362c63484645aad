"""A thousand profile tasks on a fleet: how much of the workers' time they fill."""

import asyncio

from tests.bench.embedded_fleet import embedded_fleet

WORKERS = 2
SPEC = {
    "algorithms": ["merge_sort"],
    # About as little as a task can be: a thousand take minutes, and starting them counts most.
    "sizes": [200],
    "measuring": {"processes": 2, "values": 3},
}


async def busy_share(tasks: int) -> float:
    """Of the time from the first start to the last end, what the workers had a task."""
    async with embedded_fleet(workers=WORKERS) as fleet:
        with fleet.client() as client:
            spec = {**SPEC, "repeats": tasks}
            job = await asyncio.to_thread(client.submit, {"kind": "profile", "spec": spec})
            ended = await asyncio.to_thread(client.wait, job.id)
            if ended.state != "succeeded":
                raise RuntimeError(f"the job {ended.state}: {ended.failure}")
            tasks_of_job = await asyncio.to_thread(lambda: list(client.tasks(job.id)))
    spans = [
        (attempt.start_time, attempt.end_time)
        for task in tasks_of_job
        for attempt in task.attempts
        if attempt.start_time is not None and attempt.end_time is not None
    ]
    busy = sum((end - start).total_seconds() for start, end in spans)
    whole = max(end for _, end in spans) - min(start for start, _ in spans)
    return busy / (WORKERS * whole.total_seconds())
