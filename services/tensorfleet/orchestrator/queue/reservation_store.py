"""Reservations in Redis: which room is kept for which entry, and which of it is ready."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from redis.asyncio import Redis

from tensorfleet.orchestrator.queue import members
from tensorfleet.orchestrator.queue.line_codec import LineKind, line_from_json
from tensorfleet.orchestrator.scheduling.reservations import Reservation
from tensorfleet.orchestrator.scheduling.waiting import Line, WaitingEntry
from tensorfleet.shared.ids import WorkerId
from tensorfleet.shared.redis_connection import redis_errors_translated

_RESERVATIONS = "job:reservations"
_SEQUENCE = "job:reservations:sequence"
_PLANNER = "job:planner"
_READY_SECONDS = 300

# KEYS: reservations, ready workers of the entry. ARGV: entry, worker, distinct workers, seconds.
# Returns 1 when all are ready.
_MARK_READY = """
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('SADD', KEYS[2], ARGV[2])
redis.call('EXPIRE', KEYS[2], ARGV[4])
return redis.call('SCARD', KEYS[2]) >= tonumber(ARGV[3]) and 1 or 0
"""

# KEYS: planner. ARGV: replica, ms. Returns 1 when the replica may plan.
_PLAN = """
local planner = redis.call('GET', KEYS[1])
if planner and planner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    sequence: int
    line: str
    refs: list[str]
    queued_ms: float
    workers: list[str]
    create_ms: float
    is_waiting: bool


_decoder = msgspec.json.Decoder(_Row)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRoom:
    """A reservation, and the entry that it is for."""

    reservation: Reservation
    kind: LineKind
    entry: WaitingEntry
    is_waiting: bool
    """Whether it waits for others to end by themselves: there is one of these at a time."""

    @property
    def line(self) -> Line:
        """The line of the entry, as a claim wants it."""
        return Line(
            id=self.kind.id,
            priority=self.kind.priority,
            tenant=self.kind.tenant,
            shape=self.kind.shape,
            entries=(self.entry,),
            is_gang=self.kind.is_gang,
            is_preemptible=self.kind.is_preemptible,
        )


class ReservationStore:
    """The reservations of all replicas. Every method raises `Unavailable` without Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._mark_ready = redis.register_script(_MARK_READY)
        self._plan = redis.register_script(_PLAN)

    async def may_plan(self, replica: str, milliseconds: int) -> bool:
        """Whether this replica makes the plans for the time being: one at a time does."""
        with redis_errors_translated():
            return bool(await self._plan(keys=[_PLANNER], args=[replica, milliseconds]))

    async def add(
        self,
        line: Line,
        kind: LineKind,
        workers: tuple[WorkerId, ...],
        now: datetime,
        *,
        is_waiting: bool,
    ) -> None:
        """Reserves room on workers for the first entry of a line."""
        entry = line.entries[0]
        name = members.entry_name(entry.refs, is_gang=line.is_gang)
        with redis_errors_translated():
            row = _Row(
                sequence=await self._redis.incr(_SEQUENCE),
                line=kind.json.decode(),
                refs=[members.to_member(ref) for ref in entry.refs],
                queued_ms=entry.queued_since.timestamp() * 1000,
                workers=list(workers),
                create_ms=now.timestamp() * 1000,
                is_waiting=is_waiting,
            )
            await self._redis.delete(_ready_key(name))
            await self._redis.hsetnx(_RESERVATIONS, name, msgspec.json.encode(row))

    async def all(self) -> list[KeptRoom]:
        """Every reservation, in the order of their sequence numbers."""
        with redis_errors_translated():
            rows: Any = await self._redis.hgetall(_RESERVATIONS)
        kept = [_to_kept(name, _decoder.decode(text)) for name, text in rows.items()]
        return sorted(kept, key=lambda room: room.reservation.sequence)

    async def mark_ready(self, reservation: Reservation, worker_id: WorkerId) -> bool:
        """Notes that a worker has its room free. Returns whether all have."""
        name = reservation.entry_id
        with redis_errors_translated():
            return bool(
                await self._mark_ready(
                    keys=[_RESERVATIONS, _ready_key(name)],
                    args=[name, worker_id, len(set(reservation.workers)), _READY_SECONDS],
                )
            )

    async def remove(self, reservation: Reservation) -> None:
        """Gives the room back to everyone."""
        with redis_errors_translated():
            await self._redis.hdel(_RESERVATIONS, reservation.entry_id)
            await self._redis.delete(_ready_key(reservation.entry_id))


def _ready_key(name: str) -> str:
    return f"job:reservations:ready:{name}"


def _to_kept(name: str, row: _Row) -> KeptRoom:
    kind = line_from_json(row.line.encode())
    return KeptRoom(
        reservation=Reservation(
            entry_id=name,
            sequence=row.sequence,
            needs=kind.shape.resources,
            workers=tuple(WorkerId(worker) for worker in row.workers),
            create_time=_time(row.create_ms),
        ),
        kind=kind,
        entry=WaitingEntry(
            refs=tuple(map(members.to_ref, row.refs)), queued_since=_time(row.queued_ms)
        ),
        is_waiting=row.is_waiting,
    )


def _time(milliseconds: Any) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
