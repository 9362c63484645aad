"""After the storm: waits until all is done, and looks whether anything was lost or done twice."""

from collections import Counter
from typing import TYPE_CHECKING

from redis.asyncio import Redis

from tensorfleet.orchestrator.v1 import job_pb2, task_pb2
from tests.chaos.cast import Cast
from tests.chaos.door import events_of, jobs_door, list_jobs, list_tasks
from tests.chaos.judge import problems_of, problems_of_runs
from tests.chaos.load import Load
from tests.deadlines import eventually

if TYPE_CHECKING:
    from tensorfleet.orchestrator.v1.job_service_pb2_grpc import JobServiceAsyncStub

# Generous: a machine with two busy cores runs some ten small tasks a second.
RECOVERY_SECONDS = 60.0
LEFTOVERS_SECONDS = 20.0
ENDED = {job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JOB_STATE_FAILED, job_pb2.JOB_STATE_CANCELLED}
SHOWN = 20


async def nothing_was_lost(cast: Cast, load: Load) -> None:
    """Returns once everything of the load has ended as it should, and left nothing behind.

    Raises:
        AssertionError: It has not; it says what, and what was done to the cast.
    """
    async with jobs_door(cast) as jobs, cast.redis() as redis:
        problems = list(load.problems)
        wanted = Counter(load.accepted)
        try:
            await eventually(lambda: _all_ended(jobs, load), timeout_seconds=RECOVERY_SECONDS)
        except AssertionError:
            problems.append(f"not everything ended within {RECOVERY_SECONDS:g} s")
        stored = [job for job in await list_jobs(jobs) if job.spec.name.startswith(load.prefix)]
        names = Counter(job.spec.name for job in stored)
        if names.keys() != wanted.keys():
            problems.append(f"accepted but not stored: {sorted(wanted.keys() - names.keys())}")
            problems.append(f"stored but not accepted: {sorted(names.keys() - wanted.keys())}")
        problems += [f"{name} gave {n} jobs" for name, n in names.items() if n > 1]
        tasks: list[task_pb2.Task] = []
        for job in stored:
            of_job = await list_tasks(jobs, job.id)
            tasks += of_job
            problems += problems_of(job, of_job, await events_of(jobs, job.id))
        problems += problems_of_runs(tasks, load.traces.read_text().splitlines())
        ids = [job.id for job in stored]
        problems += await _leftovers(cast, redis, ids)
    lost = sum(len(task.attempts) - 1 for task in tasks)
    cast.tell(f"{len(stored)} jobs, {load.retries} retried requests, {lost} attempts repeated")
    assert not problems, "\n".join([f"{len(problems)} problems", *problems[:SHOWN]])


async def _all_ended(jobs: "JobServiceAsyncStub", load: Load) -> bool:
    wanted = set(load.accepted.values())
    listed = await list_jobs(jobs)
    return wanted <= {job.id for job in listed if job.state in ENDED}


async def _leftovers(cast: Cast, redis: Redis, job_ids: list[str]) -> list[str]:
    async def are_gone() -> bool:
        return not (await _kept_in_redis(redis, job_ids) or cast.attempt_processes())

    try:
        await eventually(are_gone, timeout_seconds=LEFTOVERS_SECONDS)
    except AssertionError:
        kept = await _kept_in_redis(redis, job_ids)
        processes = [" ".join(p.cmdline()) for p in cast.attempt_processes()]
        return [f"Redis keeps {kept}", f"still running: {processes}"]
    return []


async def _kept_in_redis(redis: Redis, job_ids: list[str]) -> list[str]:
    """Everything in Redis that names one of the jobs, whatever it is called."""
    found = []
    async for key in redis.scan_iter(count=1000):
        text = f"{key} {await _content(redis, key)}"
        found += [f"{key}: {job_id}" for job_id in job_ids if job_id in text]
    return found


async def _content(redis: Redis, key: str) -> object:
    match await redis.type(key):
        case "zset":
            return await redis.zrange(key, 0, -1)
        case "hash":
            return await redis.hgetall(key)
        case "set":
            return await redis.smembers(key)
        case "list":
            return await redis.lrange(key, 0, -1)
        case "stream":
            return await redis.xrange(key)
        case _:
            return await redis.get(key)
