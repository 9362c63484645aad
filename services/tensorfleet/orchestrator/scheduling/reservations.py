"""Room that is kept for gangs, exclusive tasks, and those that others make room for."""

from collections.abc import Collection, Sequence

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.offers import Offer
from tensorfleet.orchestrator.scheduling.placement import Policy, room_key, wasted_gpus
from tensorfleet.orchestrator.scheduling.rooms import Room, open_room
from tensorfleet.orchestrator.scheduling.waiting import Shape
from tensorfleet.shared.ids import WorkerId


def plan_gang(
    needs: Resources, size: int, offers: Collection[Offer], policy: Policy
) -> tuple[WorkerId, ...] | None:
    """Workers with room now for all tasks of a gang, one for each in order, or None.

    As few workers as can be: ranks on one machine talk faster, and fewer machines fail less often.
    """
    shape = Shape(resources=needs)
    return plan_gang_in_rooms(shape, size, [open_room(offer) for offer in offers], policy)


def plan_gang_in_rooms(
    shape: Shape, size: int, rooms: Sequence[Room], policy: Policy
) -> tuple[WorkerId, ...] | None:
    """`plan_gang`, on copies that change while several tasks are placed; it changes nothing."""
    needs = shape.resources
    counts = [(count, room) for room in rooms if (count := room.fitting_count(needs))]
    if sum(count for count, _ in counts) < size:
        return None
    key_of = room_key(shape, policy)
    is_wasteful = {
        room.worker_id: not needs.gpus and wasted_gpus(needs, room) > 0 for _, room in counts
    }
    counts.sort(
        key=lambda item: (
            is_wasteful[item[1].worker_id],
            -item[0],
            key_of(item[1]),
            item[1].worker_id,
        )
    )
    planned: list[WorkerId] = []
    while len(planned) < size:
        missing = size - len(planned)
        enough = [
            position
            for position, (count, room) in enumerate(counts)
            if count >= missing
            and is_wasteful[room.worker_id] == is_wasteful[counts[0][1].worker_id]
        ]
        # The last piece goes where it leaves the smallest hole.
        position = min(enough, key=lambda p: (counts[p][0], p)) if enough else 0
        count, room = counts.pop(position)
        planned += [room.worker_id] * min(count, missing)
    return tuple(planned)
