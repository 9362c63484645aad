"""What tasks must agree in to run in the same process."""

from dataclasses import dataclass

from tensorfleet.kinds.task_plan import TaskPlan
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKey:
    """The owner stands here, too: one user's code must not meet another's in a process."""

    kind: str
    owner: str
    project: str
    code_artifact_id: str
    cpus: float
    memory_bytes: int
    gpus: int
    preload: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    datasets: tuple[str, ...]

    @classmethod
    def of(cls, assignment: pb.Assignment, plan: TaskPlan) -> "HostKey":
        """The key of an assignment's tasks that have such a plan."""
        return cls(
            kind=assignment.kind,
            owner=assignment.owner,
            project=assignment.project,
            code_artifact_id=assignment.code_artifact_id,
            cpus=assignment.resources.cpus,
            memory_bytes=assignment.resources.memory_bytes,
            gpus=assignment.resources.gpus,
            preload=plan.preload,
            environment=tuple(sorted(plan.environment.items())),
            datasets=plan.datasets,
        )

    @property
    def thread_count(self) -> int:
        """Threads that a numeric library may use."""
        return max(1, int(self.cpus))

    def plan(self) -> TaskPlan:
        """What all the tasks' plans have in common."""
        return TaskPlan(
            preload=self.preload,
            environment=dict(self.environment),
            datasets=self.datasets,
            shares_process=True,
        )


def process_limit(key: HostKey, *, cpus: float, memory_bytes: int, gpus: int) -> int:
    """How many processes a worker with these amounts runs for a key at a time.

    A task that asks for a good part of a core runs at once; smaller ones wait for each other, in a
    process for each core.
    """
    cores = max(1, round(cpus))
    limit = cores
    if key.cpus >= SMALL_CPUS:
        limit = min(PROCESSES_A_CORE * cores, int(cpus / key.cpus + 1e-9))
    if key.gpus:
        limit = min(limit, gpus // key.gpus)
    if key.memory_bytes:
        limit = min(limit, memory_bytes // key.memory_bytes)
    return max(1, limit)


SMALL_CPUS = 0.1
PROCESSES_A_CORE = 4
