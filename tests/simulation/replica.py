"""A simulated orchestrator: it dispatches for the workers that are attached to it."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from time import perf_counter

from tensorfleet.orchestrator.scheduling.matching import Placement, match
from tensorfleet.orchestrator.scheduling.offers import Offer
from tensorfleet.orchestrator.scheduling.order import priority_number
from tensorfleet.orchestrator.scheduling.placement import Policy
from tensorfleet.orchestrator.scheduling.preemption import PREEMPT_AFTER, victims
from tensorfleet.orchestrator.scheduling.reservations import (
    Reservation,
    after_reservations,
    is_ready,
    next_reservation,
    wants_reservation,
)
from tensorfleet.orchestrator.scheduling.waiting import Line, Shares
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.shared.ids import WorkerId
from tests.simulation.machine import Machine
from tests.simulation.waiting_lines import START, WaitingLines, at

BATCH = 64
SAMPLE = 64
SEARCH_SECONDS = 1.0
RESERVATION_SECONDS = 300.0
PREEMPTOR_SECONDS = 10.0


@dataclass(slots=True)
class Reserved:
    """A reservation, and what it is for."""

    reservation: Reservation
    placement: Placement
    expires: float
    is_preemptor: bool


@dataclass(slots=True)
class Cost:
    """Time spent on decisions while the queue was so long."""

    decisions: int = 0
    seconds: float = 0.0


class Replica:
    """One of several orchestrators over the same queue."""

    def __init__(
        self,
        machines: Sequence[Machine],
        lines: WaitingLines,
        random: Random,
        step: timedelta,
        preempt: Callable[[WorkerId, AttemptRef], None],
    ) -> None:
        self._machines = {machine.id: machine for machine in machines}
        self._ids = list(self._machines)
        self._lines = lines
        self._random = random
        self._step = step
        self._preempt = preempt
        self._untried = dict.fromkeys(self._machines.values())
        self._tried: dict[Machine, None] = {}
        self._reserved: list[Reserved] = []
        self._sequence = 0
        self._last_search = -1.0
        self.costs: defaultdict[int, Cost] = defaultdict(Cost)
        self.has_round = False

    def changed(self, machine: Machine) -> None:
        """A worker may have room that it had not."""
        if machine.has_room and machine not in self._untried:
            self._tried.pop(machine, None)
            self._untried[machine] = None

    def retry_all(self) -> None:
        """Something waits that no worker was tried for."""
        self._untried.update(self._tried)
        self._tried.clear()

    @property
    def has_work(self) -> bool:
        """Whether another round may place something."""
        return bool(self._untried and self._lines.length)

    def decide(self, shares: Shares, now: float) -> tuple[list[Placement], list[Machine]]:
        """One round: what shall start, and which workers were looked at."""
        placements = self._ready_reservations(now)
        batch: list[Machine] = []
        while self._untried and len(batch) < BATCH:
            machine, _ = self._untried.popitem()
            if machine.has_room:
                batch.append(machine)
        taken = {worker for placement in placements for worker in placement.worker_ids}
        offers = [self._offer(machine) for machine in batch if machine.id not in taken]
        room = sum(offer.credits for offer in offers)
        if not room or not self._lines.length:
            return placements, batch
        length = self._lines.length
        started = perf_counter()
        lines = self._lines.show(min(room, BATCH))
        placed = match(lines, offers, shares, Policy.RESOURCE_FIT, at(now), step=self._step)
        cost = self.costs[len(str(length))]
        cost.seconds += perf_counter() - started
        cost.decisions += len(placed)
        if now - self._last_search >= SEARCH_SECONDS:
            self._last_search = now
            self._search(shares, now)
        return placements + placed, batch

    def looked_at(self, batch: Sequence[Machine], placements: Sequence[Placement]) -> None:
        """The round's claims were made."""
        placed = {worker for placement in placements for worker in placement.worker_ids}
        for machine in batch:
            if machine.id in placed:
                self.changed(machine)
            elif machine not in self._untried:
                self._tried[machine] = None

    def _offer(self, machine: Machine) -> Offer:
        offer = machine.offer()
        if self._reserved:
            return after_reservations(offer, [r.reservation for r in self._reserved])
        return offer

    def _ready_reservations(self, now: float) -> list[Placement]:
        ready: list[Placement] = []
        taken: set[WorkerId] = set()
        for reserved in list(self._reserved):
            reservation = reserved.reservation
            if reserved.expires < now or not self._lines.is_waiting(reserved.placement.entry):
                self._drop(reserved)
                continue
            earlier = [
                r.reservation
                for r in self._reserved
                if r.reservation.sequence < reservation.sequence
            ]
            workers = [self._machines[worker] for worker in set(reservation.workers)]
            if not all(machine.is_online for machine in workers):
                self._drop(reserved)
            # What becomes ready in this round is not yet claimed, and seems to be free still.
            elif taken.isdisjoint(reservation.workers) and all(
                is_ready(reservation, machine.id, machine.offer(), earlier) for machine in workers
            ):
                ready.append(reserved.placement)
                taken.update(reservation.workers)
                self._drop(reserved)
        return ready

    def _drop(self, reserved: Reserved) -> None:
        self._reserved.remove(reserved)
        for worker in set(reserved.reservation.workers):
            self.changed(self._machines[worker])

    def _search(self, shares: Shares, now: float) -> None:
        """Looks for what needs room made or kept, on some of the workers."""
        lines = [
            line
            for line in self._lines.show(1)
            if not any(line.entries[0] is r.placement.entry for r in self._reserved)
        ]
        has_preemptor = any(reserved.is_preemptor for reserved in self._reserved)
        for line in lines:
            if priority_number(line.priority) == 0 and not has_preemptor:
                self._make_room(line, now)
        is_wanted = any(wants_reservation(line, at(now), self._step) for line in lines)
        if is_wanted and all(reserved.is_preemptor for reserved in self._reserved):
            sample = self._sample()
            existing = [reserved.reservation for reserved in self._reserved]
            workers = [(machine.offer(), list(machine.held.values())) for machine in sample]
            found = next_reservation(lines, workers, shares, at(now), existing, step=self._step)
            if found:
                self._reserve(found[0], found[1], now, RESERVATION_SECONDS)

    def _make_room(self, line: Line, now: float) -> None:
        entry = line.entries[0]
        if at(now) - entry.queued_since < PREEMPT_AFTER:
            return
        workers = [
            (self._offer(machine), list(machine.held.values())) for machine in self._sample()
        ]
        found = victims(line.shape.resources, entry.size, 0, workers)
        if not found or not found[0]:
            return
        self._reserve(line, found[1], now, PREEMPTOR_SECONDS, is_preemptor=True)
        for machine in map(self._machines.__getitem__, set(found[1])):
            for ref in found[0]:
                if ref in machine.held:
                    self._preempt(machine.id, ref)

    def _reserve(
        self,
        line: Line,
        workers: tuple[WorkerId, ...],
        now: float,
        seconds: float,
        *,
        is_preemptor: bool = False,
    ) -> None:
        self._sequence += 1
        entry = line.entries[0]
        reservation = Reservation(
            entry_id=entry.refs[0].task_id,
            sequence=self._sequence,
            needs=line.shape.resources,
            workers=workers,
            create_time=START,
        )
        placement = Placement(line=replace(line, entries=(entry,)), entry=entry, worker_ids=workers)
        self._reserved.append(Reserved(reservation, placement, now + seconds, is_preemptor))

    def _sample(self) -> list[Machine]:
        chosen = self._random.sample(self._ids, min(SAMPLE, len(self._ids)))
        return [machine for machine in map(self._machines.__getitem__, chosen) if machine.is_online]
