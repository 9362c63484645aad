"""Which waiting tasks start now, and where: order and placement together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heapify, heappop, heapreplace

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.gangs import pack_gang
from tensorfleet.orchestrator.scheduling.offers import Offer
from tensorfleet.orchestrator.scheduling.order import (
    AGEING_STEP,
    NEVER,
    LineKey,
    line_rank,
    priority_number,
)
from tensorfleet.orchestrator.scheduling.placement import Policy, choose_room, room_key
from tensorfleet.orchestrator.scheduling.rooms import Room, open_room
from tensorfleet.orchestrator.scheduling.waiting import (
    NOTHING_USED,
    Line,
    Quota,
    Shares,
    Tenant,
    Usage,
    WaitingEntry,
    cost,
)
from tensorfleet.shared.ids import WorkerId


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """An entry that starts now, with a worker for each of its tasks, in their order."""

    line: Line
    entry: WaitingEntry
    worker_ids: tuple[WorkerId, ...]


def match(
    lines: Sequence[Line],
    offers: Sequence[Offer],
    shares: Shares,
    policy: Policy,
    now: datetime,
    *,
    limit: int = 500,
    step: timedelta = AGEING_STEP,
) -> list[Placement]:
    """Fills the offered room from the lines, the next one first, until nothing fits.

    What is placed counts at once, so that shares and quotas hold within one call as well. A line
    is passed over when its first entry fits nowhere, or when its quota is used up.

    Args:
        limit: The most tasks to place.
    """
    rooms = [room for offer in offers if (room := open_room(offer)).credits > 0]
    heap = _open_lines(lines, shares, policy, now, step)
    placements: list[Placement] = []
    unplaceable: set[tuple[object, ...]] = set()
    while heap and rooms and limit > 0:
        key, turn = heap[0]
        # Keys only grow while lines are served, so the first whose key still holds is the first.
        current = turn.key()
        if current != key:
            heapreplace(heap, (current, turn))
            continue
        line = turn.line
        entry = line.entries[turn.position]
        size = entry.size
        if size > limit and placements:
            break
        worker_ids = None
        if turn.is_within_quota(size):
            worker_ids = _place(turn, entry, rooms, unplaceable)
        if worker_ids is None:
            heappop(heap)
            continue
        placements.append(Placement(line=line, entry=entry, worker_ids=worker_ids))
        limit -= size
        if turn.serve(size):
            heapreplace(heap, (turn.key(), turn))
        else:
            heappop(heap)
    return placements


class _Account:
    """What a project or a tenant holds, with what is placed meanwhile."""

    __slots__ = ("cpus", "gpus", "quota", "share")

    def __init__(self, usage: Usage, quota: Quota) -> None:
        self.cpus, self.gpus, self.share = usage.cpus, usage.gpus, usage.share
        self.quota = quota

    def allows(self, needs: Resources, count: int) -> bool:
        return self.quota.allows(self.cpus, self.gpus, needs, count)

    def add(self, needs: Resources, count: int, share: float) -> None:
        self.cpus += needs.cpus * count
        self.gpus += needs.gpus * count
        self.share += share * count


class _Turn:
    """A line while its entries are placed one after another."""

    __slots__ = (
        "cost",
        "fresh_rank",
        "last_served",
        "line",
        "now",
        "position",
        "project",
        "rank",
        "sort_rooms_by",
        "tenant",
    )

    def __init__(
        self,
        line: Line,
        project: _Account,
        tenant: _Account,
        policy: Policy,
        now: datetime,
        step: timedelta,
    ) -> None:
        self.line, self.project, self.tenant = line, project, tenant
        self.now = now
        self.sort_rooms_by = room_key(line.shape, policy)
        self.position = 0
        self.cost = cost(line.shape.resources)
        self.last_served = line.last_served or NEVER
        self.fresh_rank = priority_number(line.priority)
        self.rank = line_rank(line, now, step)

    def key(self) -> LineKey:
        """The same as `order.line_key`, with what was placed meanwhile."""
        line = self.line
        return (
            self.rank,
            self.project.share,
            self.tenant.share,
            self.last_served,
            line.entries[self.position].queued_since,
            line.id,
        )

    def is_within_quota(self, count: int) -> bool:
        needs = self.line.shape.resources
        return self.project.allows(needs, count) and self.tenant.allows(needs, count)

    def serve(self, count: int) -> bool:
        """Notes that the entry was placed. Returns whether there is another one."""
        needs = self.line.shape.resources
        self.project.add(needs, count, self.cost)
        self.tenant.add(needs, count, self.cost)
        if self.now > self.last_served:
            self.last_served = self.now
        self.rank = self.fresh_rank
        self.position += 1
        return self.position < len(self.line.entries)


def _open_lines(
    lines: Sequence[Line], shares: Shares, policy: Policy, now: datetime, step: timedelta
) -> list[tuple[LineKey, _Turn]]:
    projects: dict[str, _Account] = {}
    tenants: dict[Tenant, _Account] = {}
    heap = []
    for line in lines:
        if not line.entries:
            continue
        tenant = line.tenant
        project_account = projects.get(tenant.project)
        if project_account is None:
            project_account = projects[tenant.project] = _Account(
                shares.projects.get(tenant.project, NOTHING_USED), shares.project_quota
            )
        tenant_account = tenants.get(tenant)
        if tenant_account is None:
            tenant_account = tenants[tenant] = _Account(
                shares.tenants.get(tenant, NOTHING_USED), shares.user_quota
            )
        turn = _Turn(line, project_account, tenant_account, policy, now, step)
        heap.append((turn.key(), turn))
    heapify(heap)
    return heap


def _place(
    turn: _Turn, entry: WaitingEntry, rooms: list[Room], unplaceable: set[tuple[object, ...]]
) -> tuple[WorkerId, ...] | None:
    """Takes the room that the entry needs, all or nothing; full rooms leave the list."""
    needs = turn.line.shape.resources
    if entry.size > 1:
        planned = pack_gang(needs, entry.size, rooms, turn.sort_rooms_by)
        if planned is None:
            return None
        for room, count in planned:
            room.take(needs, turn.now, count)
            if not room.credits:
                rooms.remove(room)
        return tuple(room.worker_id for room, count in planned for _ in range(count))
    if unplaceable and _identity(needs) in unplaceable:
        return None
    chosen = choose_room(needs, rooms, turn.sort_rooms_by)
    if chosen is None:
        # Room only shrinks meanwhile: nobody's task of this shape fits any more in this call.
        unplaceable.add(_identity(needs))
        return None
    chosen.take(needs, turn.now)
    if not chosen.credits:
        rooms.remove(chosen)
    return (chosen.worker_id,)


def _identity(needs: Resources) -> tuple[object, ...]:
    return (
        needs.cpus,
        needs.memory_bytes,
        needs.gpus,
        needs.gpu_kind,
        needs.is_exclusive,
        tuple(sorted(needs.labels.items())),
    )
