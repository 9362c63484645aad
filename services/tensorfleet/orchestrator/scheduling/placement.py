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
    rooms = [open_room(offer) for offer in offers]
    chosen = choose_room(shape, rooms, policy)
    if chosen is None:
        return None
    return next(offer for offer in offers if offer.worker_id == chosen.worker_id)


def choose_room(shape: Shape, rooms: Sequence[Room], policy: Policy) -> Room | None:
    """`choose`, on copies that change while several tasks are placed."""
    needs = shape.resources
    fitting = [room for room in rooms if room.fits(needs)]
    if len(fitting) < 2:
        return fitting[0] if fitting else None
    key_of = room_key(shape, policy)
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
    needs = shape.resources
    wanted_class = memory_class(needs)
    if policy is Policy.RESOURCE_FIT:
        return lambda room: (
            wasted_gpus(needs, room),
            abs(room.memory_class - wanted_class),
            room.load(),
        )
    code = shape.code_artifact_id
    return lambda room: (
        code not in room.cached_artifact_ids,
        wasted_gpus(needs, room),
        abs(room.memory_class - wanted_class),
        room.load(),
    )


def wasted_gpus(needs: Resources, room: Room) -> int:
    """GPUs that tasks with these needs keep from others, or that are left over in small change."""
    return room.gpus - needs.gpus if needs.gpus else room.capacity.gpus
