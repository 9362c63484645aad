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
    is_leaving: bool
    """It said itself that it stops soon."""
    create_time: datetime
    register_time: datetime
    is_drained: bool = False
    """An operator wants it to take nothing new."""
    quarantine_end_time: datetime | None = None

    def takes_tasks(self, now: datetime) -> bool:
        """Whether it may be given anything new."""
        return not (self.is_leaving or self.is_drained or self.is_quarantined(now))

    def is_quarantined(self, now: datetime) -> bool:
        """Whether it is kept from tasks because they kept failing on it."""
        return self.quarantine_end_time is not None and now < self.quarantine_end_time


def worker_state(
    worker: Worker, last_seen: datetime | None, lease: timedelta, now: datetime
) -> WorkerState:
    """Whether it takes tasks, from when it was last heard of."""
    if last_seen is None or now - last_seen > lease:
        return WorkerState.OFFLINE
    if worker.is_leaving or worker.is_drained:
        return WorkerState.DRAINING
    return WorkerState.QUARANTINED if worker.is_quarantined(now) else WorkerState.ONLINE
