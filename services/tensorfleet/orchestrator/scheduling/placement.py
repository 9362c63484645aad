"""On which of the workers that have room a task runs."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from enum import Enum

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.offers import Offer
from tensorfleet.orchestrator.scheduling.rooms import Room, memory_class, open_room
from tensorfleet.orchestrator.scheduling.waiting import Shape


class Policy(Enum):
    """How to choose between workers that all have room.

    ROUND_ROBIN takes the one that got nothing for the longest time, LEAST_LOADED the one with the
    lowest fraction in use. RESOURCE_FIT wastes nothing scarce: tasks without GPUs go to workers
    without, tasks with GPUs where the fewest GPUs stay over, then where memory and cores come in
    the task's proportion; among workers that are equal in this it takes the least loaded, because
    packing tasks on one machine while its equal idles only makes them slow. AFFINITY prefers
    workers that have the code already, then does the same.
    """

    ROUND_ROBIN = "round-robin"
    LEAST_LOADED = "least-loaded"
    RESOURCE_FIT = "resource-fit"
    AFFINITY = "affinity"


RoomKey = tuple[float | datetime, ...]
"""Sorts rooms that fit; the lowest is chosen, then the lowest worker id."""


def choose(shape: Shape, offers: Collection[Offer], policy: Policy) -> Offer | None:
    """The best worker for a task of this shape, or None when it fits nowhere now."""
    by_room = [(open_room(offer), offer) for offer in offers]
    rooms = [room for room, _ in by_room]
    chosen = choose_room(shape.resources, rooms, room_key(shape, policy))
    return next((offer for room, offer in by_room if room is chosen), None)


def choose_room(
    needs: Resources, rooms: Sequence[Room], key_of: Callable[[Room], RoomKey]
) -> Room | None:
    """The room that fits and has the lowest key, then the lowest worker id."""
    fitting = [room for room in rooms if room.fits(needs)]
    if len(fitting) < 2:
        return fitting[0] if fitting else None
    best, best_key = fitting[0], key_of(fitting[0])
    for room in fitting[1:]:
        key = key_of(room)
        if key < best_key or (key == best_key and room.worker_id < best.worker_id):
            best, best_key = room, key
    return best


def room_key(shape: Shape, policy: Policy) -> Callable[[Room], RoomKey]:
    """What the policy sorts rooms by for tasks of this shape."""
    if policy is Policy.ROUND_ROBIN:
        return lambda room: (room.last_assigned,)
    if policy is Policy.LEAST_LOADED:
        return lambda room: (room.load(),)
    needed_gpus = shape.resources.gpus
    wanted_class = memory_class(shape.resources)

    def waste(room: Room) -> RoomKey:
        """GPUs kept from others or left in small change, memory or cores left, and then load."""
        gpus = room.gpus - needed_gpus if needed_gpus else room.capacity.gpus
        return (gpus, abs(room.memory_class - wanted_class), room.load())

    if policy is Policy.RESOURCE_FIT:
        return waste
    code = shape.code_artifact_id
    return lambda room: (code not in room.cached_artifact_ids, *waste(room))
