"""What workers offer."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.waiting import CPU_TOLERANCE, Shape
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.shared.ids import WorkerId


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningHere:
    """A task on a worker, as far as it matters to what else may run there."""

    ref: AttemptRef
    resources: Resources
    start_time: datetime
    rank: int
    """The number of its priority: 0 is the most urgent. See `order.rank`."""
    is_preemptible: bool = False
    deadline_time: datetime | None = None
    """When it ends at the latest; None: nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A worker's room, after what runs on it and what is reserved on it."""

    worker_id: WorkerId
    capacity: Resources
    free: Resources
    credits: int
    """How many more tasks it takes."""
    running_count: int
    last_assigned: datetime | None = None
    cached_artifact_ids: frozenset[str] = field(default_factory=frozenset)

    def fits(self, needs: Resources) -> bool:
        """Whether a task with these needs can start here now."""
        if self.credits < 1 or (needs.is_exclusive and self.running_count):
            return False
        return could_ever_fit(needs, self.free)

    def taken(self, shape: Shape, now: datetime) -> "Offer":
        """What is left after one more task."""
        needs = shape.resources
        left = self.free.minus(needs)
        if needs.is_exclusive:
            left = replace(left, cpus=0.0, memory_bytes=0, gpus=0)
        return replace(
            self,
            free=left,
            credits=self.credits - 1,
            running_count=self.running_count + 1,
            last_assigned=now,
        )


def could_ever_fit(needs: Resources, machine: Resources) -> bool:
    """Whether a machine with these resources, when it is idle, can run a task with these needs."""
    return (
        needs.cpus <= machine.cpus + CPU_TOLERANCE
        and needs.memory_bytes <= machine.memory_bytes
        and needs.gpus <= machine.gpus
        and (not needs.gpu_kind or needs.gpu_kind == machine.gpu_kind)
        and all(machine.labels.get(name) == value for name, value in needs.labels.items())
    )
