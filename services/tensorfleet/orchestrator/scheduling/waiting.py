"""What waits: tasks in lines, one line for each tenant's tasks of one shape and priority."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tensorfleet.orchestrator.job import Priority
from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.task import AttemptRef

# Ten tasks of 0.1 cores fit where one core is free, whatever ten subtractions leave of it.
CPU_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Tenant:
    """Whose tasks they are: shares are fair between projects, and within one between its users."""

    project: str
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What tenants hold now: the sum over their running tasks."""

    cpus: float = 0.0
    gpus: int = 0
    share: float = 0.0
    """The sum of `cost` over the running tasks."""


NOTHING_USED = Usage()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The most that one user, or one project, may hold at a time; None: no limit."""

    cpus: float | None = None
    gpus: int | None = None

    def allows(self, cpus: float, gpus: int, needs: Resources, count: int = 1) -> bool:
        """Whether one that holds so many cores and GPUs may start `count` more tasks."""
        if self.cpus is not None and cpus + needs.cpus * count > self.cpus + CPU_TOLERANCE:
            return False
        return self.gpus is None or not needs.gpus or gpus + needs.gpus * count <= self.gpus


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a task needs, and how it wants to be placed: tasks of one shape are interchangeable."""

    resources: Resources
    code_artifact_id: str = ""
    """A worker that has it in its cache is preferred by the affinity policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingEntry:
    """One thing that can be claimed: a task's next attempt, or all those of a gang together."""

    refs: tuple[AttemptRef, ...]
    queued_since: datetime

    @property
    def size(self) -> int:
        """How many tasks start together."""
        return len(self.refs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The first entries that a tenant has waiting in one queue with one shape, oldest first."""

    id: str
    priority: Priority
    tenant: Tenant
    shape: Shape
    entries: tuple[WaitingEntry, ...]
    last_served: datetime | None = None
    """When an entry of this line was last claimed; breaks ties, so that equals take turns."""
    is_gang: bool = False
    is_preemptible: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Usage by project and by tenant, and the quotas that hold for each of them."""

    projects: Mapping[str, Usage] = field(default_factory=dict)
    tenants: Mapping[Tenant, Usage] = field(default_factory=dict)
    project_quota: Quota = Quota()
    user_quota: Quota = Quota()

    def allow(self, tenant: Tenant, needs: Resources, count: int = 1) -> bool:
        """Whether the quotas let the tenant start `count` more tasks with these needs."""
        project = self.projects.get(tenant.project, NOTHING_USED)
        user = self.tenants.get(tenant, NOTHING_USED)
        return self.project_quota.allows(
            project.cpus, project.gpus, needs, count
        ) and self.user_quota.allows(user.cpus, user.gpus, needs, count)


def cost(resources: Resources) -> float:
    """What a task takes of the fleet, in cores: memory and GPUs count as the cores they come with.

    A GPU counts as 8 cores and 4 GiB as one, about what machines offer; the dearest part counts
    ("dominant resource", A. Ghodsi et al., NSDI 2011).
    """
    return max(resources.cpus, resources.memory_bytes / 2**32, resources.gpus * 8.0)
