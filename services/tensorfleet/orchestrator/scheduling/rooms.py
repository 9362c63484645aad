"""Workers' room while several tasks are placed one after another."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.offers import Offer
from tensorfleet.orchestrator.scheduling.order import NEVER
from tensorfleet.orchestrator.scheduling.waiting import CPU_TOLERANCE
from tensorfleet.shared.ids import WorkerId


@dataclass(slots=True, eq=False)
class Room:
    """An offer's amounts, changed in place: a decision takes microseconds this way."""

    worker_id: WorkerId
    capacity: Resources
    cpus: float
    memory_bytes: int
    gpus: int
    gpu_kind: str
    labels: Mapping[str, str]
    credits: int
    running_count: int
    last_assigned: datetime
    cached_artifact_ids: frozenset[str]
    memory_class: int

    def fits(self, needs: Resources) -> bool:
        """Whether a task with these needs can start here now; the same as `Offer.fits`."""
        return (
            self.credits > 0
            and needs.cpus <= self.cpus + CPU_TOLERANCE
            and needs.memory_bytes <= self.memory_bytes
            and needs.gpus <= self.gpus
            and not (needs.is_exclusive and self.running_count)
            and (not needs.gpu_kind or needs.gpu_kind == self.gpu_kind)
            and (
                not needs.labels
                or all(self.labels.get(name) == value for name, value in needs.labels.items())
            )
        )

    def take(self, needs: Resources, now: datetime, count: int = 1) -> None:
        """Puts tasks with these needs here; the same as `Offer.taken`, once for each."""
        if needs.is_exclusive:
            self.cpus, self.memory_bytes, self.gpus = 0.0, 0, 0
        else:
            self.cpus -= needs.cpus * count
            self.memory_bytes -= needs.memory_bytes * count
            self.gpus -= needs.gpus * count
        self.credits -= count
        self.running_count += count
        self.last_assigned = now

    def release(self, needs: Resources) -> None:
        """Takes a task away that ran here."""
        if needs.is_exclusive:
            capacity = self.capacity
            self.cpus, self.memory_bytes, self.gpus = (
                capacity.cpus,
                capacity.memory_bytes,
                capacity.gpus,
            )
        else:
            self.cpus += needs.cpus
            self.memory_bytes += needs.memory_bytes
            self.gpus += needs.gpus
        self.credits += 1
        self.running_count -= 1

    def fitting_count(self, needs: Resources) -> int:
        """How many tasks with these needs can start here now."""
        if not self.fits(needs):
            return 0
        if needs.is_exclusive:
            return 1
        count = min(self.credits, int((self.cpus + CPU_TOLERANCE) / needs.cpus))
        count = min(count, self.memory_bytes // max(needs.memory_bytes, 1))
        return min(count, self.gpus // needs.gpus) if needs.gpus else count

    def load(self) -> float:
        """The fraction in use of what is scarcest here, 0 to 1."""
        capacity = self.capacity
        left = self.cpus / capacity.cpus if capacity.cpus else 1.0
        if capacity.memory_bytes:
            memory_left = self.memory_bytes / capacity.memory_bytes
            if memory_left < left:
                left = memory_left
        if capacity.gpus:
            gpus_left = self.gpus / capacity.gpus
            if gpus_left < left:
                left = gpus_left
        return 1.0 - left


def memory_class(resources: Resources) -> int:
    """The memory for each core as a power of two in bytes, rounded down."""
    return int(resources.memory_bytes / (resources.cpus or 1.0)).bit_length()


def open_room(offer: Offer) -> Room:
    """A copy to change."""
    free = offer.free
    capacity = offer.capacity
    return Room(
        offer.worker_id,
        capacity,
        free.cpus,
        free.memory_bytes,
        free.gpus,
        free.gpu_kind,
        free.labels,
        offer.credits,
        offer.running_count,
        offer.last_assigned or NEVER,
        offer.cached_artifact_ids,
        int(capacity.memory_bytes / (capacity.cpus or 1.0)).bit_length(),
    )
