"""Workers for tasks that start all together or not at all."""

from collections.abc import Callable, Sequence

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.placement import RoomKey
from tensorfleet.orchestrator.scheduling.rooms import Room


def pack_gang(
    needs: Resources, size: int, rooms: Sequence[Room], key_of: Callable[[Room], RoomKey]
) -> list[tuple[Room, int]] | None:
    """Rooms for all tasks of a gang now, each with how many it takes, or None; changes nothing.

    On as few workers as can be: ranks on one machine talk faster, and fewer machines fail less
    often. Workers with GPUs come last for a gang that needs none. The last piece goes where it
    leaves the smallest hole, and among equals the policy decides.
    """
    found = [(count, room) for room in rooms if (count := room.fitting_count(needs))]
    if sum(count for count, _ in found) < size:
        return None

    def has_unused_gpus(room: Room) -> bool:
        return not needs.gpus and room.capacity.gpus > 0

    found.sort(
        key=lambda item: (has_unused_gpus(item[1]), -item[0], key_of(item[1]), item[1].worker_id)
    )
    planned: list[tuple[Room, int]] = []
    missing = size
    while missing:
        takes_gpu_workers = has_unused_gpus(found[0][1])
        position = 0
        for other, (count, room) in enumerate(found):
            if count < missing or has_unused_gpus(room) is not takes_gpu_workers:
                break
            if count < found[position][0]:
                position = other
        count, room = found.pop(position)
        planned.append((room, min(count, missing)))
        missing -= min(count, missing)
    return planned
