"""Keeps room for what cannot start in what happens to be free: gangs, exclusive tasks, preemptors.

One replica at a time plans which room is kept for what; each replica keeps it on the workers that
are attached to it, and says when it is free. When all of it is, the entry is claimed and started in
one step each. Room is kept from the beginning, also when it is free already, so that no part of a
gang can be taken away by another replica while the rest is being claimed.
"""

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

import structlog

from tensorfleet.orchestrator.dispatcher import Dispatcher
from tensorfleet.orchestrator.fleet_view import FleetView, WorkerRoom
from tensorfleet.orchestrator.lifecycle import JobLifecycle
from tensorfleet.orchestrator.queue.reservation_store import KeptRoom, ReservationStore
from tensorfleet.orchestrator.queue.task_queue import Peek, TaskQueue
from tensorfleet.orchestrator.scheduling import reservations
from tensorfleet.orchestrator.scheduling.offers import Offer
from tensorfleet.orchestrator.scheduling.order import line_key, priority_number
from tensorfleet.orchestrator.scheduling.placement import Policy
from tensorfleet.orchestrator.scheduling.preemption import PREEMPT_AFTER, victims
from tensorfleet.orchestrator.scheduling.waiting import Line
from tensorfleet.orchestrator.signals import Placed, RoomChanged, Signals
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.errors import Unavailable
from tensorfleet.shared.ids import WorkerId, job_id_of

PLAN_SECONDS = 0.5
PLANNER_LEASE_MS = 3_000
# What fits on the workers of one replica starts without a plan; this long it has for that.
PLAN_AFTER = timedelta(seconds=0.3)
# More than this many at a time would keep more room than anyone soon uses.
MAX_KEPT = 32
LINES_LOOKED_AT = 64

log = structlog.get_logger(__name__)


class RoomKeeper:
    """Plans reservations, keeps them on the workers attached here, and starts what they are for."""

    def __init__(
        self,
        store: ReservationStore,
        queue: TaskQueue,
        fleet: FleetView,
        dispatcher: Dispatcher,
        lifecycle: JobLifecycle,
        signals: Signals,
        clock: Clock,
        *,
        policy: Policy,
        ageing_step: timedelta,
    ) -> None:
        self._store = store
        self._queue = queue
        self._fleet = fleet
        self._dispatcher = dispatcher
        self._lifecycle = lifecycle
        self._signals = signals
        self._clock = clock
        self._policy = policy
        self._ageing_step = ageing_step
        self._replica = uuid.uuid4().hex
        self._kept: list[KeptRoom] = []
        self._claimed: set[str] = set()
        """Entries that did not wait any more at the last look."""
        self.is_planner = False
        """Whether this replica is the one that plans now."""
        self._wake = asyncio.Event()

    def after_reservations(self, offer: Offer) -> Offer:
        """What of an offer is for everybody."""
        if not self._kept:
            return offer
        return reservations.after_reservations(offer, [kept.reservation for kept in self._kept])

    def look(self) -> None:
        """Room is reserved, ready, or free again."""
        self._wake.set()

    def room_freed(self) -> None:
        """A task ended here: somebody may have waited for its room."""
        if self._kept:
            self._wake.set()

    async def run(self) -> None:
        """Plans and keeps, for ever."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(PLAN_SECONDS):
                    await self._wake.wait()
            self._wake.clear()
            try:
                self._kept = await self._store.all()
                await self._start_ready()
                self.is_planner = await self._store.may_plan(self._replica, PLANNER_LEASE_MS)
                if self.is_planner:
                    await self._plan()
            except Unavailable as exc:
                log.warning("reservations interrupted", problem=str(exc))

    async def _start_ready(self) -> None:
        earlier: list[reservations.Reservation] = []
        for kept in list(self._kept):
            reservation = kept.reservation
            for worker_id in sorted(set(reservation.workers)):
                session = self._dispatcher.sessions.get(worker_id)
                if session is None or not session.takes_tasks(self._clock()):
                    continue
                if not reservations.is_ready(reservation, worker_id, session.offer(), earlier):
                    continue
                if await self._store.mark_ready(reservation, worker_id):
                    await self._start(kept)
                    break
            earlier.append(reservation)

    async def _start(self, kept: KeptRoom) -> None:
        refs, workers = kept.entry.refs, kept.reservation.workers
        (is_taken,) = await self._queue.claim([(kept.line, kept.entry)])
        if not is_taken:
            # Another replica is starting it, or it waits no more; `_drop_void` finds out.
            return
        claimed = list(zip(refs, workers, strict=True))
        change = await self._lifecycle.start(job_id_of(refs[0].task_id), claimed)
        for task in change.tasks if change else ():
            ref, worker_id = task.current, task.attempts[-1].worker_id
            self._signals.send(Placed(task_id=ref.task_id, attempt=ref.number, worker_id=worker_id))
        await self._drop(kept)

    async def _drop(self, kept: KeptRoom) -> None:
        await self._store.remove(kept.reservation)
        self._kept = [other for other in self._kept if other is not kept]
        self._signals.send(RoomChanged())
        self._dispatcher.look()

    async def _plan(self) -> None:
        peek = await self._queue.peek(1, lines_a_queue=LINES_LOOKED_AT)
        if not peek.lines and not self._kept:
            return
        rooms = await self._fleet.rooms()
        await self._drop_void(rooms)
        if len(self._kept) >= MAX_KEPT:
            return
        lines = [line for line in peek.lines if line.entries and not self._is_kept_for(line)]
        for line in sorted(
            lines, key=lambda li: line_key(li, peek.shares, peek.now, self._ageing_step)
        ):
            if await self._plan_line(line, peek, rooms):
                return
        if any(kept.is_waiting for kept in self._kept):
            return
        planned = reservations.next_reservation(
            [line for line in lines if _waited(line, peek.now) >= PLAN_AFTER],
            [(room.offer, room.running) for room in rooms],
            peek.shares,
            peek.now,
            [kept.reservation for kept in self._kept],
            step=self._ageing_step,
        )
        if planned is not None:
            line, workers = planned
            await self._keep(line, workers, peek.now, is_waiting=True)

    async def _plan_line(self, line: Line, peek: Peek, rooms: Sequence[WorkerRoom]) -> bool:
        """Keeps room for a line's first entry that is there now, or that others can make."""
        entry = line.entries[0]
        waited = _waited(line, peek.now)
        needs = line.shape.resources
        if waited < PLAN_AFTER or not peek.shares.allow(line.tenant, needs, entry.size):
            return False
        offers = [self.after_reservations(room.offer) for room in rooms]
        if line.is_gang:
            workers = reservations.plan_gang(needs, entry.size, offers, self._policy)
            if workers is not None:
                await self._keep(line, workers, peek.now, is_waiting=False)
                return True
        if waited < PREEMPT_AFTER:
            return False
        rank = priority_number(line.priority)
        with_running = [(offer, room.running) for offer, room in zip(offers, rooms, strict=True)]
        found = victims(needs, entry.size, rank, with_running)
        if found is None or not found[0]:
            return False
        stopped, workers = found
        log.info("tasks make room", for_task=entry.refs[0].task_id, count=len(stopped))
        await self._keep(line, workers, peek.now, is_waiting=False)
        for ref in stopped:
            self._lifecycle.ask_attempt_to_stop(ref, is_preempted=True)
        return True

    async def _keep(
        self, line: Line, workers: tuple[WorkerId, ...], now: datetime, *, is_waiting: bool
    ) -> None:
        await self._store.add(line, self._queue.kind_of(line), workers, now, is_waiting=is_waiting)
        log.info(
            "room reserved",
            task_id=line.entries[0].refs[0].task_id,
            tasks=line.entries[0].size,
            workers=len(set(workers)),
        )
        self._signals.send(RoomChanged())

    async def _drop_void(self, rooms: Sequence[WorkerRoom]) -> None:
        attached = {room.offer.worker_id for room in rooms}
        for kept in list(self._kept):
            name = kept.reservation.entry_id
            waits = await self._queue.position(kept.kind, name)
            # Between its claim and its start an entry does not wait: the room is still its own.
            is_void = waits is None and name in self._claimed
            self._claimed.discard(name)
            if waits is None and not is_void:
                self._claimed.add(name)
            if is_void or not attached.issuperset(kept.reservation.workers):
                await self._drop(kept)

    def _is_kept_for(self, line: Line) -> bool:
        refs = line.entries[0].refs
        return any(kept.entry.refs == refs for kept in self._kept)


def _waited(line: Line, now: datetime) -> timedelta:
    return now - line.entries[0].queued_since
