"""Room that is kept for gangs, exclusive tasks, and those that others make room for.

Only the first line in order may reserve, and only one gang, exclusive or long passed-over task
waits for its room at a time; more than one would idle machines for each other. Even with several
(those that preempt have theirs for as long as their victims take to end) there is no deadlock: they
are numbered, each yields to lower numbers only, and the lowest one gets all that becomes free on
its workers. Everything else may start in what is left over ("backfill"), which delays no
reservation, because what is reserved is not offered to it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.gangs import pack_gang
from tensorfleet.orchestrator.scheduling.offers import Offer, RunningHere, could_ever_fit
from tensorfleet.orchestrator.scheduling.order import (
    AGEING_STEP,
    line_key,
    line_rank,
    priority_number,
)
from tensorfleet.orchestrator.scheduling.placement import Policy, room_key
from tensorfleet.orchestrator.scheduling.rooms import open_room
from tensorfleet.orchestrator.scheduling.waiting import Line, Shape, Shares, cost
from tensorfleet.shared.ids import WorkerId

_UNKNOWN_END = datetime(9999, 1, 1, tzinfo=UTC)
_NOW = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Room that is kept until an entry starts; lower sequences come first."""

    entry_id: str
    sequence: int
    needs: Resources
    workers: tuple[WorkerId, ...]
    """One for each task of the entry, so that a worker may stand here several times."""
    create_time: datetime


def plan_gang(
    needs: Resources, size: int, offers: Collection[Offer], policy: Policy
) -> tuple[WorkerId, ...] | None:
    """Workers with room now for all tasks of a gang, one for each in order, or None.

    See `gangs.pack_gang` for which.
    """
    rooms = [open_room(offer) for offer in offers]
    planned = pack_gang(needs, size, rooms, room_key(Shape(resources=needs), policy))
    if planned is None:
        return None
    return tuple(room.worker_id for room, count in planned for _ in range(count))


def plan_waiting(
    needs: Resources,
    size: int,
    workers: Sequence[tuple[Offer, Sequence[RunningHere]]],
    reservations: Sequence[Reservation] = (),
) -> tuple[WorkerId, ...] | None:
    """On which workers to wait for room: where the least has to end first.

    Tasks that end by a known deadline are waited out before others, earlier ones first, then the
    oldest. None when the fleet is too small even when all of it has ended.

    Args:
        workers: With the room that they have before any reservation, and what runs there.
        reservations: Those that come before; their room stays theirs.
    """
    # (last end to wait for, work to wait for, worker, how many tasks of the entry are there then)
    cheapest = []
    prices_by_worker = {}
    for offer, running in workers:
        prices = _waiting_prices(needs, size, offer, running, reservations)
        if prices:
            prices_by_worker[offer.worker_id] = prices
            cheapest.append((*prices[0], offer.worker_id, 0))
    heapify(cheapest)
    planned: list[WorkerId] = []
    while cheapest and len(planned) < size:
        _, _, worker_id, position = heappop(cheapest)
        planned.append(worker_id)
        prices = prices_by_worker[worker_id]
        if position + 1 < len(prices):
            heappush(cheapest, (*prices[position + 1], worker_id, position + 1))
    return tuple(sorted(planned)) if len(planned) == size else None


def _waiting_prices(
    needs: Resources,
    size: int,
    offer: Offer,
    running: Sequence[RunningHere],
    reservations: Sequence[Reservation],
) -> list[tuple[datetime, float]]:
    """For the first, second, ... task of an entry here: when and how much has to end before it."""
    room = open_room(offer)
    for reservation in reservations:
        if count := reservation.workers.count(offer.worker_id):
            if reservation.needs.is_exclusive:
                return []
            room.take(reservation.needs, _NOW, count)
    ends, work = _NOW, 0.0
    prices = [(ends, work)] * min(room.fitting_count(needs), size)
    for task in sorted(running, key=lambda t: (t.deadline_time or _UNKNOWN_END, t.start_time)):
        room.release(task.resources)
        ends = max(ends, task.deadline_time or _UNKNOWN_END)
        work += cost(task.resources)
        prices += [(ends, work)] * (min(room.fitting_count(needs), size) - len(prices))
    return prices


def after_reservations(offer: Offer, reservations: Sequence[Reservation]) -> Offer:
    """What is left for everything else: what still fits may start."""
    free = offer.free
    cpus, memory_bytes, gpus, count = free.cpus, free.memory_bytes, free.gpus, 0
    for reservation in reservations:
        here = reservation.workers.count(offer.worker_id)
        if not here:
            continue
        count += here
        needs = reservation.needs
        if needs.is_exclusive:
            cpus, memory_bytes, gpus = 0.0, 0, 0
        else:
            cpus -= needs.cpus * here
            memory_bytes -= needs.memory_bytes * here
            gpus -= needs.gpus * here
    if not count:
        return offer
    left = replace(free, cpus=max(cpus, 0.0), memory_bytes=max(memory_bytes, 0), gpus=max(gpus, 0))
    # They count as running, so that no task that must be alone starts in front of them.
    return replace(
        offer,
        free=left,
        credits=max(offer.credits - count, 0),
        running_count=offer.running_count + count,
    )


def is_ready(
    reservation: Reservation, worker_id: WorkerId, offer: Offer, earlier: Sequence[Reservation]
) -> bool:
    """Whether the worker has the reserved room free, after that of the earlier reservations.

    Args:
        offer: The worker's room before any reservation.
    """
    count = reservation.workers.count(worker_id)
    return open_room(after_reservations(offer, earlier)).fitting_count(reservation.needs) >= count


def wants_reservation(line: Line, now: datetime, step: timedelta = AGEING_STEP) -> bool:
    """Whether small tasks could keep the line's first entry waiting for ever.

    Gangs and exclusive tasks at once; any other when it was passed over for one step of ageing.
    """
    return (
        line.entries[0].size > 1
        or line.shape.resources.is_exclusive
        or line_rank(line, now, step) < priority_number(line.priority)
    )


def next_reservation(
    lines: Sequence[Line],
    workers: Sequence[tuple[Offer, Sequence[RunningHere]]],
    shares: Shares,
    now: datetime,
    reservations: Sequence[Reservation] = (),
    *,
    step: timedelta = AGEING_STEP,
) -> tuple[Line, tuple[WorkerId, ...]] | None:
    """The line whose first entry gets room reserved, and on which workers, or None.

    It is the first line in order, so that a reservation never holds room back from what is more
    urgent. Lines over their quota, and those that the fleet could never run, are passed over.
    Called after matching, when no reservation waits but those of tasks that preempt.
    """
    for line in sorted(
        (line for line in lines if line.entries), key=lambda li: line_key(li, shares, now, step)
    ):
        needs, size = line.shape.resources, line.entries[0].size
        if not shares.allow(line.tenant, needs, size):
            continue
        if not wants_reservation(line, now, step):
            if any(could_ever_fit(needs, offer.capacity) for offer, _ in workers):
                return None
        elif planned := plan_waiting(needs, size, workers, reservations):
            return line, planned
    return None
