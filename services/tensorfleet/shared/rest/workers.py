"""The fleet's workers."""

from datetime import datetime
from typing import Literal

import msgspec

from tensorfleet.shared.machine_sample import MachineSample
from tensorfleet.shared.rest.jobs import Resources

WorkerState = Literal["online", "draining", "offline", "quarantined"]


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A machine's agent that runs tasks."""

    id: str
    state: WorkerState
    capacity: Resources
    slots: int
    running_task_ids: list[str]
    version: str
    hostname: str
    create_time: datetime | None
    last_seen_time: datetime | None
    quarantine_end_time: datetime | None = None
    """When it may take tasks again, after its tasks kept failing by no fault of theirs."""
    usage: MachineSample | None = None
    """The newest sample of its machine; absent when it is offline, or tells none."""


class WorkerList(msgspec.Struct, frozen=True, kw_only=True):
    """Every known worker, by id."""

    workers: list[Worker]


class WorkerUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker's machine did lately, oldest first."""

    samples: list[MachineSample]
