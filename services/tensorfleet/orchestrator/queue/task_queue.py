"""The queue of tasks and the leases of attempts, by scripts in Redis."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from redis.asyncio import Redis

from tensorfleet.orchestrator.queue import members, scripts
from tensorfleet.orchestrator.queue.line_codec import LineKind, line_from_json
from tensorfleet.orchestrator.scheduling.waiting import (
    Line,
    Quota,
    Shares,
    Tenant,
    Usage,
    WaitingEntry,
)
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.shared.ids import WorkerId
from tensorfleet.shared.redis_connection import redis_errors_translated

# Entries that one script call takes: Redis serves nobody else meanwhile.
BATCH = 500
UNLIMITED = Quota()
# Lines that are remembered from peeks.
MAX_KINDS = 10_000
# Subtracted from the score of a task that goes to the front: more than any age in ms.
FRONT_HEAD_START_MS = 10**14

_LEASES = "job:leases"
_USAGE = "job:usage"
_STARTS = "job:starts"
_BUILT = "job:queue:built"
_SEEN = "workers:seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """A task, or a gang, that waits for workers; `refs` are the attempts that they will be."""

    line: LineKind
    refs: tuple[AttemptRef, ...]
    delay: timedelta = timedelta(0)
    is_at_front: bool = False
    queued_since: datetime | None = None
    """When it began to wait, for one that is put back in its old place; None: now."""

    @property
    def name(self) -> str:
        """The entry in Redis: the attempt's member, or the gang's."""
        return members.entry_name(self.refs, is_gang=self.line.is_gang)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peek:
    """What waits, as far as the next claims may want it."""

    now: datetime
    lines: tuple[Line, ...]
    shares: Shares
    is_all: bool
    """Whether no line was left out."""


class TaskQueue:
    """The queue of tasks and the leases of attempts.

    Every method raises `Unavailable` when Redis does not answer; nothing is lost then, because
    the reconciler brings Redis in line with MongoDB later.
    """

    def __init__(
        self,
        redis: Redis,
        lease: timedelta,
        *,
        project_quota: Quota = UNLIMITED,
        user_quota: Quota = UNLIMITED,
    ) -> None:
        self._redis = redis
        self._lease_ms = round(lease.total_seconds() * 1000)
        self._project_quota = project_quota
        self._user_quota = user_quota
        self._kinds: dict[str, LineKind] = {}
        self._enqueue = redis.register_script(scripts.ENQUEUE)
        self._peek = redis.register_script(scripts.PEEK)
        self._claim = redis.register_script(scripts.CLAIM)
        self._renew = redis.register_script(scripts.RENEW)
        self._grant = redis.register_script(scripts.GRANT)
        self._release = redis.register_script(scripts.RELEASE)
        self._remove = redis.register_script(scripts.REMOVE)
        self._expired = redis.register_script(scripts.EXPIRED)
        self._promote = redis.register_script(scripts.PROMOTE)
        self._position = redis.register_script(scripts.POSITION)
        self._forget_lines = redis.register_script(scripts.FORGET_LINES)

    async def enqueue(self, entries: Iterable[QueueEntry]) -> int:
        """Lets tasks wait; those that wait or run already stay as they are.

        Returns how many are new.
        """
        added = 0
        with redis_errors_translated():
            for (line, score, delay_ms), same in groupby(entries, key=_enqueue_key):
                for batch in _batches(list(same)):
                    args: list[Any] = [line.id, line.json, score, delay_ms]
                    for entry in batch:
                        args.append(entry.name)
                        if line.is_gang:
                            args.append(members.gang_to_json(entry.refs))
                    added += await self._enqueue(args=args)
        return added

    async def peek(self, limit: int, *, lines_a_queue: int = 64, skip_lines: int = 0) -> Peek:
        """What may be claimed next: about `limit` entries, of every line at least one or two.

        Lines come in the order in which their queues served them, least recently first; those
        past `lines_a_queue` in a queue are left out, and `skip_lines` leaves out the first.
        """
        with redis_errors_translated():
            now_ms, rows = await self._peek(args=[lines_a_queue, limit, skip_lines])
        if len(self._kinds) > MAX_KINDS:
            self._kinds.clear()
        projects: dict[str, Usage] = {}
        tenants: dict[Tenant, Usage] = {}
        lines = []
        for _, text, served_ms, _, usage, entries, gangs in rows:
            line = line_from_json(text.encode())
            self._kinds[line.id] = line
            projects[line.tenant.project] = _to_usage(usage[:3])
            tenants[line.tenant] = _to_usage(usage[3:])
            lines.append(_to_line(line, float(served_ms), entries, gangs))
        counts: dict[Any, int] = {}
        for waiting in lines:
            counts[waiting.priority] = counts.get(waiting.priority, 0) + 1
        return Peek(
            now=_to_time(now_ms),
            lines=tuple(lines),
            shares=Shares(
                projects=projects,
                tenants=tenants,
                project_quota=self._project_quota,
                user_quota=self._user_quota,
            ),
            is_all=all(count < lines_a_queue for count in counts.values()),
        )

    async def claim(self, wanted: Sequence[tuple[Line, WaitingEntry]]) -> list[bool]:
        """Takes entries that still wait, each with leases for all its attempts or for none.

        Returns for each whether it was taken: not, when it waits no more or is over a quota.
        """
        args: list[Any] = [
            self._lease_ms,
            *_limits(self._project_quota),
            *_limits(self._user_quota),
        ]
        by_line: dict[str, list[int]] = {}
        for number, (line, _) in enumerate(wanted):
            by_line.setdefault(line.id, []).append(number)
        for line_id, numbers in by_line.items():
            args += [line_id, len(numbers)]
            for number in numbers:
                line, entry = wanted[number]
                args.append(members.entry_name(entry.refs, is_gang=line.is_gang))
        with redis_errors_translated():
            results = iter(await self._claim(args=args))
        taken = [False] * len(wanted)
        for numbers in by_line.values():
            for number in numbers:
                taken[number] = next(results) == 1
        return taken

    async def renew(self, worker_id: WorkerId, refs: Sequence[AttemptRef]) -> list[AttemptRef]:
        """Extends the leases and notes that the worker lives. Returns those that have no lease."""
        with redis_errors_translated():
            unknown = await self._renew(
                args=[worker_id, self._lease_ms, *map(members.to_member, refs)]
            )
        return [members.to_ref(member) for member in unknown]

    async def grant_leases(self, line: LineKind, refs: Sequence[AttemptRef]) -> int:
        """Gives leases to running attempts that have none, after Redis lost its data.

        Returns how many had none.
        """
        granted = 0
        with redis_errors_translated():
            for batch in _batches(refs):
                granted += await self._grant(
                    args=[
                        self._lease_ms,
                        line.id,
                        line.json,
                        *map(members.to_member, batch),
                    ]
                )
        return granted

    async def expired_leases(self, limit: int) -> list[AttemptRef]:
        """Attempts whose lease ran out; they stay listed until they are released."""
        with redis_errors_translated():
            return [members.to_ref(m) for m in await self._expired(args=[limit])]

    async def leased(self) -> list[AttemptRef]:
        """Every attempt that has a lease."""
        with redis_errors_translated():
            leased: Any = await self._redis.zrange(_LEASES, 0, -1)
        return [members.to_ref(member) for member in leased]

    async def release(self, refs: Sequence[AttemptRef]) -> None:
        """Forgets the leases of attempts that have ended."""
        with redis_errors_translated():
            for batch in _batches(refs):
                await self._release(args=[members.to_member(ref) for ref in batch])

    async def remove(self, line: LineKind, names: Sequence[str]) -> int:
        """Lets entries wait no longer. Returns how many did."""
        removed = 0
        with redis_errors_translated():
            for batch in _batches(names):
                removed += await self._remove(args=[line.id, *batch])
        return removed

    async def promote_delayed(self, limit: int) -> int:
        """Moves what has waited out its delay into its line. Returns how much."""
        with redis_errors_translated():
            return int(await self._promote(args=[limit]))

    async def position(self, line: LineKind, name: str) -> tuple[int, datetime] | None:
        """About how many entries come before one, and since when it waits; None: it does not."""
        with redis_errors_translated():
            found = await self._position(args=[line.id, name])
        if not found:
            return None
        before, score = found
        return int(before), _to_time(float(score))

    def kind_of(self, line: Line) -> LineKind:
        """What a peeked line is."""
        return self._kinds[line.id]

    async def shares_of(self, tenant: Tenant) -> Shares:
        """What a tenant and its project hold, with the quotas."""
        fields = [
            f"{who}:{unit}"
            for who in (f"p:{tenant.project}", f"u:{tenant.project}/{tenant.user}")
            for unit in ("cpus", "gpus", "share")
        ]
        with redis_errors_translated():
            values: Any = await self._redis.hmget(_USAGE, fields)
        usage = [value or "0" for value in values]
        return Shares(
            projects={tenant.project: _to_usage(usage[:3])},
            tenants={tenant: _to_usage(usage[3:])},
            project_quota=self._project_quota,
            user_quota=self._user_quota,
        )

    async def recent_starts(self) -> list[datetime]:
        """When tasks were claimed lately, the latest first."""
        with redis_errors_translated():
            return [_to_time(float(ms)) for ms in await self._redis.lrange(_STARTS, 0, -1)]

    async def now(self) -> datetime:
        """The time by Redis' clock."""
        with redis_errors_translated():
            seconds, microseconds = await self._redis.time()
        return datetime.fromtimestamp(seconds + microseconds / 1e6, UTC)

    async def forget_unused_lines(self) -> int:
        """Forgets what lines were that nothing waits in any more. Returns how many."""
        with redis_errors_translated():
            ids: Any = await self._redis.hkeys("job:lines")
            forgotten = 0
            for batch in _batches(ids):
                forgotten += await self._forget_lines(args=batch)
        return forgotten

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
        return {WorkerId(worker): _to_time(score) for worker, score in rows}

    async def forget_workers(self, worker_ids: Sequence[WorkerId]) -> None:
        """Removes workers that are gone for good."""
        if worker_ids:
            with redis_errors_translated():
                await self._redis.zrem(_SEEN, *worker_ids)


def _enqueue_key(entry: QueueEntry) -> tuple[LineKind, str, int]:
    score = ""
    if entry.queued_since is not None:
        since_ms = round(entry.queued_since.timestamp() * 1000)
        score = str(since_ms - FRONT_HEAD_START_MS * entry.is_at_front)
    return entry.line, score, math.ceil(entry.delay.total_seconds() * 1000)


def _limits(quota: Quota) -> list[float | int | str]:
    return ["" if quota.cpus is None else quota.cpus, "" if quota.gpus is None else quota.gpus]


def _batches(items: Sequence[Any]) -> Iterable[list[Any]]:
    for start in range(0, len(items), BATCH):
        yield list(items[start : start + BATCH])


def _to_time(milliseconds: float) -> datetime:
    # What goes to the front has a score from before all times.
    if milliseconds < 0:
        milliseconds += FRONT_HEAD_START_MS
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _to_usage(row: Sequence[str]) -> Usage:
    return Usage(cpus=float(row[0]), gpus=int(float(row[1])), share=float(row[2]))


def _to_line(
    line: LineKind, served_ms: float, entries: Sequence[str], gangs: Sequence[str]
) -> Line:
    names, scores = entries[::2], entries[1::2]
    refs = (
        [members.gang_from_json(gang) for gang in gangs]
        if line.is_gang
        else [(members.to_ref(name),) for name in names]
    )
    return Line(
        id=line.id,
        priority=line.priority,
        tenant=line.tenant,
        shape=line.shape,
        entries=tuple(
            WaitingEntry(refs=each, queued_since=_to_time(float(score)))
            for score, each in zip(scores, refs, strict=True)
        ),
        last_served=_to_time(served_ms) if served_ms else None,
        is_gang=line.is_gang,
        is_preemptible=line.is_preemptible,
    )
