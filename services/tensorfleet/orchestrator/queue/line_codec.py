"""What a line of the queue is, as Redis keeps it. Pure."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from tensorfleet.orchestrator.job import Job, Priority
from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.scheduling.waiting import Shape, Tenant, cost

_MAX_KNOWN = 10_000


class _LineRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line in JSON. `cpus`, `gpus` and `share` are what each of its tasks adds to the usage."""

    priority: str
    project: str
    user: str
    cpus: float
    gpus: int
    share: float
    memory_bytes: int
    gpu_kind: str
    labels: dict[str, str]
    is_exclusive: bool
    is_gang: bool
    is_preemptible: bool
    code_artifact_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineKind:
    """What all entries of a line have in common."""

    id: str
    json: bytes
    priority: Priority
    tenant: Tenant
    shape: Shape
    is_gang: bool
    is_preemptible: bool


_decoder = msgspec.json.Decoder(_LineRow)


def line_of_job(job: Job, *, with_code: bool = False) -> LineKind:
    """The line in which a job's tasks wait.

    Args:
        job: The job.
        with_code: Whether tasks with other code stand in other lines, as placement by affinity
            needs it.
    """
    spec = job.spec
    needs = spec.resources
    row = _LineRow(
        priority=spec.priority.value,
        project=job.project,
        user=job.owner,
        cpus=needs.cpus,
        gpus=needs.gpus,
        share=cost(needs),
        memory_bytes=needs.memory_bytes,
        gpu_kind=needs.gpu_kind,
        labels=needs.labels,
        is_exclusive=needs.is_exclusive,
        is_gang=spec.is_gang,
        is_preemptible=spec.is_preemptible,
        code_artifact_id=spec.code_artifact_id if with_code else "",
    )
    return line_from_json(msgspec.json.encode(row, order="deterministic"))


@lru_cache(_MAX_KNOWN)
def line_from_json(text: bytes) -> LineKind:
    """A line from what Redis keeps of it."""
    row = _decoder.decode(text)
    return LineKind(
        id=hashlib.sha256(text).hexdigest()[:20],
        json=text,
        priority=Priority(row.priority),
        tenant=Tenant(project=row.project, user=row.user),
        shape=Shape(
            resources=Resources(
                cpus=row.cpus,
                memory_bytes=row.memory_bytes,
                gpus=row.gpus,
                gpu_kind=row.gpu_kind,
                labels=row.labels,
                is_exclusive=row.is_exclusive,
            ),
            code_artifact_id=row.code_artifact_id,
        ),
        is_gang=row.is_gang,
        is_preemptible=row.is_preemptible,
    )
