"""The fleet's health from that of its parts."""

from datetime import UTC, datetime

import pytest

from tensorfleet.gateway.fleet_health import sum_up
from tensorfleet.shared.rest.health import ComponentHealth, HealthStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def parts(**statuses: HealthStatus) -> list[ComponentHealth]:
    return [
        ComponentHealth(name=name, status=status, message="", latency_ms=1, check_time=NOW)
        for name, status in statuses.items()
    ]


@pytest.mark.parametrize(
    ("mongodb", "monitoring", "whole"),
    [
        ("healthy", "healthy", "healthy"),
        ("healthy", "degraded", "degraded"),
        ("healthy", "down", "degraded"),
        ("degraded", "healthy", "down"),
        ("down", "healthy", "down"),
        ("down", "down", "down"),
    ],
)
def test_needed_parts_decide(
    mongodb: HealthStatus, monitoring: HealthStatus, whole: HealthStatus
) -> None:
    components = parts(mongodb=mongodb, monitoring=monitoring)
    health = sum_up(components)
    assert health.status == whole
    assert health.components == components
