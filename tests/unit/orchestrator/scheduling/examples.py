"""Lines, offers and running tasks, made with few words."""

from datetime import UTC, datetime, timedelta

from tensorfleet.orchestrator.job import Priority
from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.offers import Offer, RunningHere
from tensorfleet.orchestrator.scheduling.waiting import Line, Shape, Tenant, WaitingEntry
from tensorfleet.orchestrator.task import AttemptRef
from tensorfleet.shared.ids import TaskId, WorkerId

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
GIB = 2**30


def ref(name: str, number: int = 1) -> AttemptRef:
    return AttemptRef(task_id=TaskId(name), number=number)


def needs(
    cpus: float = 1.0,
    gib: float = 1.0,
    gpus: int = 0,
    kind: str = "",
    *,
    alone: bool = False,
    **labels: str,
) -> Resources:
    return Resources(
        cpus=cpus,
        memory_bytes=round(gib * GIB),
        gpus=gpus,
        gpu_kind=kind,
        labels=labels,
        is_exclusive=alone,
    )


def line(
    name: str = "line",
    *,
    shape: Resources | None = None,
    code: str = "",
    priority: Priority = Priority.NORMAL,
    tenant: str = "project/user",
    count: int = 1,
    size: int = 1,
    waited: float = 0.0,
    served: float | None = None,
) -> Line:
    """A line whose entries came a second after another; `waited` and `served` are seconds ago."""
    project, _, user = tenant.partition("/")
    entries = tuple(
        WaitingEntry(
            refs=tuple(ref(f"{name}-{entry}-{task}") for task in range(size)),
            queued_since=NOW - timedelta(seconds=waited - entry),
        )
        for entry in range(count)
    )
    return Line(
        id=name,
        priority=priority,
        tenant=Tenant(project=project, user=user),
        shape=Shape(resources=shape or needs(), code_artifact_id=code),
        entries=entries,
        last_served=None if served is None else NOW - timedelta(seconds=served),
        is_gang=size > 1,
    )


def offer(
    name: str = "worker",
    capacity: Resources | None = None,
    free: Resources | None = None,
    *,
    room: int = 100,
    running: int = 0,
    assigned: float | None = None,
    cached: frozenset[str] = frozenset(),
) -> Offer:
    """`assigned` is seconds ago; `room` how many more tasks it takes."""
    capacity = capacity or needs(8, 32)
    return Offer(
        worker_id=WorkerId(name),
        capacity=capacity,
        free=free or capacity,
        credits=room,
        running_count=running,
        last_assigned=None if assigned is None else NOW - timedelta(seconds=assigned),
        cached_artifact_ids=cached,
    )


def running(
    name: str,
    amount: Resources | None = None,
    *,
    started: float = 60.0,
    rank: int = 2,
    preemptible: bool = True,
    ends_in: float | None = None,
) -> RunningHere:
    """`started` is seconds ago."""
    return RunningHere(
        ref=ref(name),
        resources=amount or needs(),
        start_time=NOW - timedelta(seconds=started),
        rank=rank,
        is_preemptible=preemptible,
        deadline_time=None if ends_in is None else NOW + timedelta(seconds=ends_in),
    )
