"""Which running tasks end to make room for something more urgent."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.offers import Offer, RunningHere
from tensorfleet.orchestrator.scheduling.rooms import open_room
from tensorfleet.orchestrator.scheduling.waiting import cost
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.shared.ids import WorkerId

PREEMPT_AFTER = timedelta(seconds=2)
"""How long something urgent waits for room by itself before others make room for it."""

Victims = tuple[tuple[AttemptRef, ...], tuple[WorkerId, ...]]


@dataclass(frozen=True, slots=True)
class _Step:
    """Room for one more task on a worker, and who ends for it."""

    worker_id: WorkerId
    victims: tuple[RunningHere, ...]

    @property
    def price(self) -> tuple[int, float, WorkerId]:
        return (
            len(self.victims),
            sum(cost(victim.resources) for victim in self.victims),
            self.worker_id,
        )


def victims(
    needs: Resources,
    size: int,
    preemptor_rank: int,
    workers: Sequence[tuple[Offer, Sequence[RunningHere]]],
) -> Victims | None:
    """Who ends so that `size` tasks with these needs have room, and on which workers they start.

    Only preemptible tasks of lower priority end, as few as can be, then the smallest; among equals
    the least urgent and then the newest, which lose the least work. A task that already fits
    somewhere costs nobody anything. None when there is no such room: then nobody is disturbed.

    Args:
        preemptor_rank: The number of its priority (not aged: waiting earns a turn, not the right
            to stop others).
        workers: With their room after all reservations, and what runs there.
    """
    taken: dict[WorkerId, int] = {}
    ended: dict[WorkerId, tuple[RunningHere, ...]] = {}
    by_id = {offer.worker_id: (offer, running) for offer, running in workers}

    def next_step(worker_id: WorkerId) -> _Step | None:
        offer, running = by_id[worker_id]
        gone = ended.get(worker_id, ())
        candidates = [
            task
            for task in running
            if task.is_preemptible and task.rank > preemptor_rank and task not in gone
        ]
        chosen = _fewest(needs, taken.get(worker_id, 0) + 1, offer, gone, candidates)
        return None if chosen is None else _Step(worker_id, chosen)

    steps = {worker_id: step for worker_id in by_id if (step := next_step(worker_id))}
    for _ in range(size):
        if not steps:
            return None
        best = min(steps.values(), key=lambda step: step.price)
        worker_id = best.worker_id
        taken[worker_id] = taken.get(worker_id, 0) + 1
        ended[worker_id] = (*ended.get(worker_id, ()), *best.victims)
        following = next_step(worker_id)
        if following:
            steps[worker_id] = following
        else:
            del steps[worker_id]
    refs = tuple(task.ref for worker_id in sorted(ended) for task in ended[worker_id])
    return refs, tuple(w for w in sorted(taken) for _ in range(taken[w]))


def _fewest(
    needs: Resources,
    count: int,
    offer: Offer,
    gone: Sequence[RunningHere],
    candidates: Sequence[RunningHere],
) -> tuple[RunningHere, ...] | None:
    """The fewest candidates whose end makes room for `count` tasks, besides those gone already."""

    def has_room(victims: Sequence[RunningHere]) -> bool:
        room = open_room(offer)
        for task in (*gone, *victims):
            room.release(task.resources)
        return room.fitting_count(needs) >= count

    if has_room(()):
        return ()
    if not has_room(candidates):
        return None
    newest_first = sorted(
        candidates, key=lambda t: (t.rank, t.start_time.timestamp()), reverse=True
    )
    found = [
        _enough(sorted(newest_first, key=lambda t: -cost(t.resources)), has_room),
        _enough(newest_first, has_room),
        _enough(sorted(newest_first, key=lambda t: cost(t.resources)), has_room),
    ]
    return min(found, key=lambda tasks: (len(tasks), sum(cost(t.resources) for t in tasks)))


def _enough(
    ordered: Sequence[RunningHere], has_room: Callable[[Sequence[RunningHere]], bool]
) -> tuple[RunningHere, ...]:
    """The first of these that suffice, without those that the later ones made unnecessary."""
    count = next(n for n in range(1, len(ordered) + 1) if has_room(ordered[:n]))
    kept = list(ordered[:count])
    for task in ordered[:count]:
        without = [other for other in kept if other is not task]
        if has_room(without):
            kept = without
    return tuple(kept)
