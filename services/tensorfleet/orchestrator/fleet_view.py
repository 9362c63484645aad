"""What the whole fleet offers, as all replicas tell each other through Redis."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from redis.asyncio import Redis

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.explanation import impossible
from tensorfleet.orchestrator.scheduling.offers import Offer, RunningHere
from tensorfleet.orchestrator.session import WorkerSession
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.errors import FieldError, InvalidJob, Unavailable
from tensorfleet.shared.ids import WorkerId
from tensorfleet.shared.redis_connection import redis_errors_translated

_OFFERS = "workers:offers"
TELL_SECONDS = 1.0
# Machines change rarely: a worker that came within this time is not missed for long.
MACHINES_SECONDS = 2.0

log = structlog.get_logger(__name__)


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """A worker's room, as one replica tells it."""

    time_ms: int
    offer: Offer
    running: list[RunningHere]
    takes_tasks: bool


_decoder = msgspec.json.Decoder(_Told)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRoom:
    """A worker that is attached somewhere: its room before reservations, and what runs there."""

    offer: Offer
    running: tuple[RunningHere, ...]


class FleetView:
    """The attached workers of all replicas, and the machines that are known."""

    def __init__(
        self,
        redis: Redis,
        store: OrchestratorStore,
        clock: Clock,
        lease: timedelta,
        *,
        refuses_impossible: bool = True,
    ) -> None:
        self._redis = redis
        self._store = store
        self._clock = clock
        self._lease = lease
        self._refuses_impossible = refuses_impossible
        self._machines: dict[WorkerId, Resources] = {}
        self._machines_time: datetime | None = None

    async def tell(self, sessions: Iterable[WorkerSession]) -> None:
        """Tells the room of workers that are attached here."""
        now = self._clock()
        rows: dict[Any, Any] = {
            session.worker.id: msgspec.json.encode(
                _Told(
                    time_ms=round(now.timestamp() * 1000),
                    offer=session.offer(),
                    running=list(session.held.values()),
                    takes_tasks=session.worker.takes_tasks(now),
                )
            )
            for session in sessions
        }
        if rows:
            with redis_errors_translated():
                await self._redis.hset(_OFFERS, mapping=rows)

    async def run(self, sessions: Callable[[], Iterable[WorkerSession]]) -> None:
        """Tells again and again, for ever."""
        while True:
            try:
                await self.tell(sessions())
            except Unavailable as exc:
                log.warning("offers not told", problem=str(exc))
            await asyncio.sleep(TELL_SECONDS)

    async def forget(self, worker_id: WorkerId) -> None:
        """A worker is not attached any more."""
        with redis_errors_translated():
            await self._redis.hdel(_OFFERS, worker_id)

    async def rooms(self) -> list[WorkerRoom]:
        """Every worker that is attached and takes tasks, as told last.

        Raises:
            Unavailable: Redis does not answer.
        """
        with redis_errors_translated():
            rows: Any = await self._redis.hgetall(_OFFERS)
        oldest_ms = (self._clock() - self._lease).timestamp() * 1000
        told = [_decoder.decode(row) for row in rows.values()]
        return [
            WorkerRoom(offer=row.offer, running=tuple(row.running))
            for row in told
            if row.takes_tasks and row.time_ms >= oldest_ms
        ]

    async def machines(self) -> dict[WorkerId, Resources]:
        """All that each known worker has, whether it is attached now or not."""
        now = self._clock()
        if self._machines_time is None or (
            (now - self._machines_time).total_seconds() > MACHINES_SECONDS
        ):
            self._machines = {w.id: w.capacity for w in await self._store.list_workers()}
            self._machines_time = now
        return self._machines

    async def check_possible(self, needs: Resources, count: int = 1) -> None:
        """Whether the fleet could ever run such tasks, `count` of them at once.

        Raises:
            InvalidJob: It could not; the message says what it has.
        """
        if not self._refuses_impossible:
            return
        message = impossible(needs, await self.machines(), count)
        if message is None:
            return
        # Maybe the machine for it has just come.
        self._machines_time = None
        message = impossible(needs, await self.machines(), count)
        if message is not None:
            raise InvalidJob(
                f"the fleet cannot run this job: it {message}",
                (FieldError(field="resources", message=message),),
            )
