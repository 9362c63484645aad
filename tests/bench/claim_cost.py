"""What one claim costs in a queue of a thousand tasks, and in one of a million."""

import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import msgspec
from redis.asyncio import Redis

from tensorfleet.local.free_ports import free_ports
from tensorfleet.local.valkey import start_valkey
from tensorfleet.orchestrator.job import Priority
from tensorfleet.orchestrator.queue.line_codec import LineKind, line_from_json
from tensorfleet.orchestrator.queue.task_queue import QueueEntry, TaskQueue
from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.matching import match
from tensorfleet.orchestrator.scheduling.offers import Offer
from tensorfleet.orchestrator.scheduling.placement import Policy
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.shared.ids import TaskId, WorkerId
from tests.deadlines import eventually

FILL_AT_ONCE = 2_000
CLAIMS_A_ROUND = 500
SCRIPT_COMMANDS = ("evalsha", "eval", "fcall")
REWRITE_TIMEOUT_SECONDS = 300.0


class FilledQueue:
    """The orchestrator's queue with so many tasks in it: all that this benchmark knows of it."""

    def __init__(self, redis: Redis, size: int) -> None:
        self._queue = TaskQueue(redis, timedelta(seconds=15))
        self._size = size
        self._next = 0

    async def fill(self) -> None:
        """Queues tasks of all priorities up to the size."""
        await self.add(self._size)

    async def add(self, count: int) -> None:
        """Queues this many more."""
        numbers = range(self._next, self._next + count)
        self._next += count
        for start in range(0, count, FILL_AT_ONCE):
            entries = [_entry(n) for n in numbers[start : start + FILL_AT_ONCE]]
            await self._queue.enqueue(sorted(entries, key=lambda entry: entry.line.id))

    async def claim(self) -> AttemptRef:
        """Claims one, as for a worker with room for any of them, and ends its lease."""
        peek = await self._queue.peek(1)
        (placement,) = match(
            peek.lines, [OFFER], peek.shares, Policy.RESOURCE_FIT, peek.now, limit=1
        )
        (is_taken,) = await self._queue.claim([(placement.line, placement.entry)])
        assert is_taken, "somebody else claims from this queue"
        return placement.entry.refs[0]

    async def release(self, refs: Sequence[AttemptRef]) -> None:
        """Ends the leases of claimed tasks, and queues as many others."""
        await self._queue.release(refs)
        await self.add(len(refs))


ROOM = Resources(cpus=8, memory_bytes=2**34)
OFFER = Offer(worker_id=WorkerId("worker"), capacity=ROOM, free=ROOM, credits=1, running_count=0)
# Three priorities, and four users each of them.
LINES = [(priority, user) for priority in Priority for user in range(4)]


def _line(priority: Priority, user: int) -> LineKind:
    row: dict[str, object] = {
        "priority": priority.value,
        "project": "bench",
        "user": f"user-{user}",
        "cpus": 1.0,
        "gpus": 0,
        "share": 1.0,
        "memory_bytes": 2**29,
        "gpu_kind": "",
        "labels": {},
        "is_exclusive": False,
        "is_gang": False,
        "is_preemptible": False,
        "code_artifact_id": "",
    }
    return line_from_json(msgspec.json.encode(row))


def _entry(number: int) -> QueueEntry:
    ref = AttemptRef(task_id=TaskId(f"job-{number // 100:08}-{number % 100}"), number=1)
    return QueueEntry(line=_line(*LINES[number % len(LINES)]), refs=(ref,))


@dataclass(frozen=True, slots=True)
class ClaimCost:
    """What a claim takes, in µs."""

    server_us: float
    """In the server's scripts, as the server counts."""
    round_trip_us: float
    """Until the caller has the task, with its own work and the way there and back; median."""


async def claim_costs(sizes: Sequence[int], rounds: int) -> list[dict[int, ClaimCost]]:
    """The cost of a claim by queue size, for each round; the queues share a server, in turns."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = await start_valkey(
            data_dir=folder / "valkey", log_path=folder / "valkey.log", port=free_ports(1)[0]
        )
        stack.push_async_callback(server.stop)
        queues = {}
        for database, size in enumerate(sizes):
            url = f"{server.url.rpartition('/')[0]}/{database}"
            redis = Redis.from_url(url, decode_responses=True)
            stack.push_async_callback(redis.aclose)
            queues[size] = FilledQueue(redis, size)
            await queues[size].fill()
        await eventually(lambda: _is_quiet(redis), timeout_seconds=REWRITE_TIMEOUT_SECONDS)
        return [
            {size: await _measure(queue, redis) for size, queue in queues.items()}
            for _ in range(rounds)
        ]


async def _is_quiet(redis: Redis) -> bool:
    """Whether the server has written its append-only file anew, which it does as that grows."""
    return not (await redis.info("persistence"))["aof_rewrite_in_progress"]


async def _measure(queue: FilledQueue, redis: Redis) -> ClaimCost:
    claimed, times_us = [], []
    await redis.config_resetstat()
    for _ in range(CLAIMS_A_ROUND):
        started = time.perf_counter()
        claimed.append(await queue.claim())
        times_us.append((time.perf_counter() - started) * 1e6)
    statistic = await redis.info("commandstats")
    script_us = sum(
        statistic[f"cmdstat_{name}"]["usec"]
        for name in SCRIPT_COMMANDS
        if f"cmdstat_{name}" in statistic
    )
    await queue.release(claimed)
    return ClaimCost(
        server_us=script_us / CLAIMS_A_ROUND, round_trip_us=statistics.median(times_us)
    )
