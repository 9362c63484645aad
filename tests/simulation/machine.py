"""A simulated worker: what the orchestrators believe of it, and what really runs on it."""

from dataclasses import dataclass, field
from enum import Enum

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.retry import AttemptOutcome
from tensorfleet.orchestrator.scheduling.offers import Offer, RunningHere
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.shared.ids import WorkerId
from tests.simulation.waiting_lines import at

SLOTS_PER_CORE = 2


class Fault(Enum):
    """What can be wrong with a worker."""

    CRASHED = "crashed"
    """Its tasks are gone, and nobody was told."""
    CUT_OFF = "cut off"
    """Its tasks run on, and it neither hears nor is heard."""
    SLOW_CLOCK = "slow clock"
    """It hears and is heard, but renews its leases too late."""


@dataclass(slots=True, eq=False)
class Machine:
    """One worker."""

    id: WorkerId
    capacity: Resources
    replica: int
    free: list[float]
    slots: int
    held: dict[AttemptRef, RunningHere] = field(default_factory=dict)
    claim_times: dict[AttemptRef, float] = field(default_factory=dict)
    has_exclusive: bool = False
    last_assigned: float = -1.0
    is_online: bool = True
    last_renewal: float = 0.0
    fault: Fault | None = None
    lease_check: float | None = None
    running: set[AttemptRef] = field(default_factory=set)
    """What really runs."""
    unreported: list[tuple[AttemptRef, AttemptOutcome]] = field(default_factory=list)

    @property
    def is_reachable(self) -> bool:
        """Whether messages reach it."""
        return self.fault in (None, Fault.SLOW_CLOCK)

    @property
    def has_room(self) -> bool:
        """Whether it makes sense to offer it."""
        return (
            self.is_online
            and not self.has_exclusive
            and self.free[0] > 0
            and len(self.held) < self.slots
        )

    def offer(self) -> Offer:
        """What an orchestrator offers of it, before reservations."""
        cpus, memory, gpus = self.free if not self.has_exclusive else (0.0, 0.0, 0.0)
        return Offer(
            worker_id=self.id,
            capacity=self.capacity,
            free=Resources(
                cpus=cpus,
                memory_bytes=int(memory),
                gpus=int(gpus),
                gpu_kind=self.capacity.gpu_kind,
            ),
            credits=self.slots - len(self.held),
            running_count=len(self.held),
            last_assigned=at(self.last_assigned),
        )

    def take(self, task: RunningHere, now: float) -> None:
        """An attempt was claimed for it."""
        self.held[task.ref] = task
        self.claim_times[task.ref] = now
        self._change_room(task.resources, -1)
        self.last_assigned = now
        if task.resources.is_exclusive:
            self.has_exclusive = True

    def give_back(self, ref: AttemptRef) -> None:
        """An attempt does not count here any more."""
        task = self.held.pop(ref)
        del self.claim_times[ref]
        self._change_room(task.resources, 1)
        if task.resources.is_exclusive:
            self.has_exclusive = False

    def _change_room(self, amount: Resources, sign: int) -> None:
        self.free[0] += sign * amount.cpus
        self.free[1] += sign * amount.memory_bytes
        self.free[2] += sign * amount.gpus


def machine(number: int, capacity: Resources, replica: int) -> Machine:
    """An idle worker."""
    return Machine(
        id=WorkerId(f"w{number}"),
        capacity=capacity,
        replica=replica,
        free=[capacity.cpus, capacity.memory_bytes, capacity.gpus],
        slots=int(capacity.cpus) * SLOTS_PER_CORE,
    )
