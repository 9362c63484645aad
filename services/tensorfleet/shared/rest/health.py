"""Health of the fleet and of what it needs."""

from datetime import datetime
from typing import Literal

import msgspec

HealthStatus = Literal["healthy", "degraded", "down"]


class ComponentHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Health of one part."""

    name: str
    status: HealthStatus
    message: str
    """What is wrong; empty when nothing is."""
    latency_ms: float
    """How long its check took."""
    check_time: datetime


class FleetHealth(msgspec.Struct, frozen=True, kw_only=True):
    """Health of the fleet: `degraded` still works, `down` does not."""

    status: HealthStatus
    components: list[ComponentHealth]


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """This process answers, whatever the state of the others."""

    status: Literal["alive"] = "alive"
