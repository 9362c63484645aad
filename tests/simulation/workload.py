"""The machines and the jobs of a simulated fleet, from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from tensorfleet.orchestrator.job import Priority
from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.waiting import Shape, Tenant

GIB = 2**30
LONGEST_TASK_SECONDS = 100.0
# So that low-priority tasks fill the fleet before there is anything else, and must make room.
HEAD_START_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Jobs of one tenant that look alike."""

    tenant: Tenant
    priority: Priority
    shape: Shape
    part: float
    """Of all tasks of the simulation."""
    mean_seconds: float
    spread_over: float = 0.0
    """Their jobs come one after another in this part of the run; 0: all at the start."""
    job_size: int = 100
    gang_size: int = 1
    is_preemptible: bool = False


@dataclass(frozen=True, slots=True)
class ArrivingJob:
    """A job at the moment when it is handed in."""

    time: float
    group: Group
    task_count: int


def shape(cpus: float, gib: float, gpus: int = 0, *, alone: bool = False) -> Shape:
    """What a simulated task needs."""
    return Shape(
        resources=Resources(cpus=cpus, memory_bytes=round(gib * GIB), gpus=gpus, is_exclusive=alone)
    )


def group(name: str, priority: Priority, want: Shape, part: float, **more: object) -> Group:
    """A group from the name of its tenant: project/user."""
    project, _, user = name.partition("/")
    values = {"mean_seconds": 50.0, **more}
    return Group(
        tenant=Tenant(project=project, user=user),
        priority=priority,
        shape=want,
        part=part,
        **values,  # type: ignore[arg-type]
    )


HIGH, NORMAL, LOW = Priority
ONE, MEMORY, WHOLE = shape(1, 1), shape(1, 12), shape(4, 4)

# Urgent work alone fills the fleet for a third of the time. The twins are equals, but one has
# more to do and longer tasks; the crowd hands in more than both.
GROUPS = [
    group("urgent/ops", HIGH, ONE, 0.35, spread_over=0.2),
    group("urgent/web", HIGH, WHOLE, 0.01, spread_over=0.3, job_size=5),
    group("twins-a/user", NORMAL, ONE, 0.15, mean_seconds=70.0, job_size=1000),
    group("twins-b/user", NORMAL, ONE, 0.15, mean_seconds=35.0),
    group("crowd/first", NORMAL, ONE, 0.12, job_size=5000),
    group("crowd/second", NORMAL, MEMORY, 0.03),
    group("vision/gpu", NORMAL, shape(1, 4, 1), 0.02),
    group("vision/ranks", NORMAL, shape(2, 4), 0.03, gang_size=4, job_size=4),
    group("vision/large", NORMAL, shape(2, 4, 4), 0.004, gang_size=4, job_size=8),
    group("crowd/measure", NORMAL, shape(1, 1, alone=True), 0.002, job_size=10),
    group("spare/whole", LOW, WHOLE, 0.02, is_preemptible=True),
    group("spare/night", LOW, ONE, 0.114, is_preemptible=True),
]

MACHINES = [
    (0.85, Resources(cpus=4, memory_bytes=16 * GIB)),
    (0.10, Resources(cpus=4, memory_bytes=64 * GIB)),
    (0.05, Resources(cpus=16, memory_bytes=64 * GIB, gpus=8, gpu_kind="h200")),
]


def machines(count: int) -> list[Resources]:
    """What the workers have, always the same for the same count."""
    made: list[Resources] = []
    for part, capacity in MACHINES[1:]:
        made += [capacity] * max(round(part * count), 4)
    return [MACHINES[0][1]] * (count - len(made)) + made


def jobs(random: Random, task_count: int, run_seconds: float) -> Iterator[ArrivingJob]:
    """Every job, in no order."""
    for each in GROUPS:
        left = max(round(each.part * task_count), each.gang_size)
        left -= left % each.gang_size
        total = left
        while left:
            size = min(left, each.job_size)
            passed = (total - left) / total
            time = passed * each.spread_over * run_seconds + random.random()
            if each.priority is not LOW:
                time += HEAD_START_SECONDS
            yield ArrivingJob(time=time, group=each, task_count=size)
            left -= size


def task_seconds(random: Random, each: Group) -> float:
    """How long a task runs: most are short and a few are long."""
    return min(random.expovariate(1 / each.mean_seconds) + 1.0, LONGEST_TASK_SECONDS)
