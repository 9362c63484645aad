"""A worker as the orchestrator knows it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from tensorfleet.orchestrator.resources import Resources
from tensorfleet.shared.ids import WorkerId

FORGET_AFTER = timedelta(days=1)


class WorkerState(Enum):
    """Whether a worker takes tasks."""

    ONLINE = "online"
    DRAINING = "draining"
    OFFLINE = "offline"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A machine's agent, as it introduced itself."""

    id: WorkerId
    instance_id: str
    """Made at each start of the agent: tells a restart from a reconnect."""
    version: str
    hostname: str
    capacity: Resources
    slots: int
    is_draining: bool
    create_time: datetime
    register_time: datetime


def worker_state(
    worker: Worker, last_seen: datetime | None, lease: timedelta, now: datetime
) -> WorkerState:
    """Whether it takes tasks, from when it was last heard of."""
    if last_seen is None or now - last_seen > lease:
        return WorkerState.OFFLINE
    return WorkerState.DRAINING if worker.is_draining else WorkerState.ONLINE
