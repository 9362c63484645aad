"""Room that is kept for gangs, exclusive tasks, and those that others make room for."""

from collections.abc import Collection

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.gangs import pack_gang
from tensorfleet.orchestrator.scheduling.offers import Offer
from tensorfleet.orchestrator.scheduling.placement import Policy, room_key
from tensorfleet.orchestrator.scheduling.rooms import open_room
from tensorfleet.orchestrator.scheduling.waiting import Shape
from tensorfleet.shared.ids import WorkerId


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
