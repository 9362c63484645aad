"""Queues, leases and wake-ups in Redis: everything here can be rebuilt from MongoDB.

Keys, all below one prefix:
    job:queue:high|normal|low   sorted sets of "<task id>#<attempt>", by score; the lowest first
    job:queue:delayed           the same, by the time in ms from when it may run
    job:queue:entries           hash: what each waiting member needs, as JSON
    job:leases                  sorted set of running members, by expiry in ms
    job:queue:built             present once the queue was rebuilt since Redis lost its data
    workers:seen                sorted set of worker ids, by when they were last heard of in ms
Times are Redis' own, so that orchestrators with different clocks agree.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from redis.asyncio import Redis

from tensorfleet.orchestrator.job import Priority
from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.shared.ids import TaskId, WorkerId
from tensorfleet.shared.redis_connection import redis_errors_translated

# A claim looks at this many of the first members of each queue for one that fits the worker, so
# that its cost does not grow with the queue.
CLAIM_WINDOW = 64
# Subtracted from the score of a task that goes to the front: more than any age in ms.
FRONT_HEAD_START_MS = 10**14

_QUEUES = [f"job:queue:{priority.value}" for priority in Priority]
_DELAYED = "job:queue:delayed"
_ENTRIES = "job:queue:entries"
_LEASES = "job:leases"
_BUILT = "job:queue:built"
_SEEN = "workers:seen"

_NOW_MS = """
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
"""

# KEYS: entries, delayed, leases, then the queues. ARGV: member, entry, queue number, score or ''
# for now, delay in ms. A member that waits or runs already stays as it is.
_ENQUEUE = (
    _NOW_MS
    + """
local member, entry, queue, score, delay_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
if redis.call('ZSCORE', KEYS[3], member) then return 0 end
if redis.call('HSETNX', KEYS[1], member, entry) == 0 then return 0 end
if delay_ms > 0 then
  redis.call('ZADD', KEYS[2], now_ms + delay_ms, member)
else
  redis.call('ZADD', KEYS[3 + queue], score == '' and now_ms or score, member)
end
return 1
"""
)

# KEYS: entries, leases, then the queues. ARGV: free cpus, memory, gpus, gpu kind, labels as JSON,
# lease in ms, window. Returns the member, or nothing.
_CLAIM = (
    _NOW_MS
    + """
local cpus, memory, gpus = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local gpu_kind = ARGV[4]
local labels = cjson.decode(ARGV[5])
for q = 3, #KEYS do
  for _, member in ipairs(redis.call('ZRANGE', KEYS[q], 0, ARGV[7] - 1)) do
    local text = redis.call('HGET', KEYS[1], member)
    if not text then
      redis.call('ZREM', KEYS[q], member)
    else
      local entry = cjson.decode(text)
      local fits = entry.cpus <= cpus and entry.memory_bytes <= memory and entry.gpus <= gpus
        and (entry.gpu_kind == '' or entry.gpu_kind == gpu_kind)
      if fits then
        for name, value in pairs(entry.labels) do
          if labels[name] ~= value then fits = false end
        end
      end
      if fits then
        redis.call('ZREM', KEYS[q], member)
        redis.call('HDEL', KEYS[1], member)
        redis.call('ZADD', KEYS[2], now_ms + ARGV[6], member)
        return member
      end
    end
  end
end
return false
"""
)

# KEYS: leases, workers seen. ARGV: worker, lease in ms, members. Returns those without a lease.
_RENEW = (
    _NOW_MS
    + """
redis.call('ZADD', KEYS[2], now_ms, ARGV[1])
local unknown = {}
for i = 3, #ARGV do
  if redis.call('ZSCORE', KEYS[1], ARGV[i]) then
    redis.call('ZADD', KEYS[1], now_ms + ARGV[2], ARGV[i])
  else
    unknown[#unknown + 1] = ARGV[i]
  end
end
return unknown
"""
)

# KEYS: leases. ARGV: lease in ms, members. A member with a lease keeps it.
_GRANT = (
    _NOW_MS
    + """
for i = 2, #ARGV do
  redis.call('ZADD', KEYS[1], 'NX', now_ms + ARGV[1], ARGV[i])
end
"""
)

# KEYS: leases. ARGV: the most to return.
_EXPIRED = (
    _NOW_MS
    + """
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now_ms, 'LIMIT', 0, ARGV[1])
"""
)

# KEYS: entries, delayed, then the queues. ARGV: the most to move. Returns how many became ready.
_PROMOTE = (
    _NOW_MS
    + """
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now_ms, 'LIMIT', 0, ARGV[1])
for _, member in ipairs(due) do
  redis.call('ZREM', KEYS[2], member)
  local text = redis.call('HGET', KEYS[1], member)
  if text then
    redis.call('ZADD', KEYS[2 + cjson.decode(text).queue], now_ms, member)
  end
end
return #due
"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """A task that waits for a worker; `ref` is the attempt that it will be."""

    ref: AttemptRef
    priority: Priority
    resources: Resources
    delay: timedelta = timedelta(0)
    is_at_front: bool = False
    queued_since: datetime | None = None
    """When it began to wait, for one that is put back in its old place; None: now."""


class TaskQueue:
    """The queue of tasks and the leases of attempts.

    Every method raises `Unavailable` when Redis does not answer; nothing is lost then, because
    the reconciler brings Redis in line with MongoDB later.
    """

    def __init__(self, redis: Redis, lease: timedelta) -> None:
        self._redis = redis
        self._lease_ms = round(lease.total_seconds() * 1000)
        self._enqueue = redis.register_script(_ENQUEUE)
        self._claim = redis.register_script(_CLAIM)
        self._renew = redis.register_script(_RENEW)
        self._grant = redis.register_script(_GRANT)
        self._expired = redis.register_script(_EXPIRED)
        self._promote = redis.register_script(_PROMOTE)

    async def enqueue(self, entries: Sequence[QueueEntry]) -> int:
        """Lets the tasks wait; those that wait or run already stay as they are.

        Returns how many are new.
        """
        with redis_errors_translated():
            async with self._redis.pipeline(transaction=False) as pipe:
                for entry in entries:
                    await self._enqueue(
                        keys=[_ENTRIES, _DELAYED, _LEASES, *_QUEUES],
                        args=_enqueue_arguments(entry),
                        client=pipe,
                    )
                return sum(await pipe.execute())

    async def claim(self, free: Resources) -> AttemptRef | None:
        """Takes the first task that fits, with a lease; atomic."""
        with redis_errors_translated():
            member = await self._claim(
                keys=[_ENTRIES, _LEASES, *_QUEUES],
                args=[
                    free.cpus,
                    free.memory_bytes,
                    free.gpus,
                    free.gpu_kind,
                    msgspec.json.encode(free.labels),
                    self._lease_ms,
                    CLAIM_WINDOW,
                ],
            )
        return _to_ref(member) if member else None

    async def renew(self, worker_id: WorkerId, refs: Sequence[AttemptRef]) -> list[AttemptRef]:
        """Extends the leases and notes that the worker lives. Returns those that have no lease."""
        with redis_errors_translated():
            unknown = await self._renew(
                keys=[_LEASES, _SEEN],
                args=[worker_id, self._lease_ms, *(_to_member(ref) for ref in refs)],
            )
        return [_to_ref(member) for member in unknown]

    async def grant_leases(self, refs: Sequence[AttemptRef]) -> None:
        """Gives leases to running attempts that have none, after Redis lost its data."""
        if refs:
            with redis_errors_translated():
                await self._grant(
                    keys=[_LEASES], args=[self._lease_ms, *(_to_member(ref) for ref in refs)]
                )

    async def expired_leases(self, limit: int) -> list[AttemptRef]:
        """Attempts whose lease ran out; they stay listed until they are released."""
        with redis_errors_translated():
            return [_to_ref(m) for m in await self._expired(keys=[_LEASES], args=[limit])]

    async def release(self, refs: Sequence[AttemptRef]) -> None:
        """Forgets leases and waiting entries of these attempts."""
        if not refs:
            return
        members = [_to_member(ref) for ref in refs]
        with redis_errors_translated():
            async with self._redis.pipeline(transaction=True) as pipe:
                for key in (_LEASES, _DELAYED, *_QUEUES):
                    pipe.zrem(key, *members)
                pipe.hdel(_ENTRIES, *members)
                await pipe.execute()

    async def promote_delayed(self, limit: int) -> int:
        """Moves tasks whose delay is over into their queues. Returns how many."""
        with redis_errors_translated():
            return int(await self._promote(keys=[_ENTRIES, _DELAYED, *_QUEUES], args=[limit]))

    async def is_built(self) -> bool:
        """Whether the queue was rebuilt since Redis last came up empty."""
        with redis_errors_translated():
            return bool(await self._redis.exists(_BUILT))

    async def mark_built(self) -> None:
        """Notes that the queue holds everything that MongoDB says."""
        with redis_errors_translated():
            await self._redis.set(_BUILT, "1")

    async def last_seen(self) -> dict[WorkerId, datetime]:
        """When each worker was last heard of."""
        with redis_errors_translated():
            rows: Any = await self._redis.zrange(_SEEN, 0, -1, withscores=True)
        return {
            WorkerId(worker): datetime.fromtimestamp(score / 1000, UTC) for worker, score in rows
        }

    async def forget_workers(self, worker_ids: Sequence[WorkerId]) -> None:
        """Removes workers that are gone for good."""
        if worker_ids:
            with redis_errors_translated():
                await self._redis.zrem(_SEEN, *worker_ids)


def _enqueue_arguments(entry: QueueEntry) -> list[str | bytes | int]:
    queue_number = list(Priority).index(entry.priority) + 1
    needs = {
        "queue": queue_number,
        "cpus": entry.resources.cpus,
        "memory_bytes": entry.resources.memory_bytes,
        "gpus": entry.resources.gpus,
        "gpu_kind": entry.resources.gpu_kind,
        "labels": entry.resources.labels,
    }
    score = ""
    if entry.queued_since is not None:
        since_ms = round(entry.queued_since.timestamp() * 1000)
        score = str(since_ms - FRONT_HEAD_START_MS * entry.is_at_front)
    return [
        _to_member(entry.ref),
        msgspec.json.encode(needs),
        queue_number,
        score,
        math.ceil(entry.delay.total_seconds() * 1000),
    ]


def _to_member(ref: AttemptRef) -> str:
    return f"{ref.task_id}#{ref.number}"


def _to_ref(member: str) -> AttemptRef:
    task_id, _, number = member.rpartition("#")
    return AttemptRef(task_id=TaskId(task_id), number=int(number))
