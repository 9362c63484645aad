"""Looks at everything that the fleet needs, at most once a second."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import grpc

from tensorfleet.gateway.fleet_health import sum_up
from tensorfleet.gateway.upstreams import Upstreams
from tensorfleet.shared.clock import utc_now
from tensorfleet.shared.dependency_health import check_grpc_health
from tensorfleet.shared.errors import TensorFleetError
from tensorfleet.shared.mongo import Database, ping
from tensorfleet.shared.rest.health import ComponentHealth, FleetHealth, HealthStatus

CHECK_TIMEOUT_SECONDS = 2.0
CACHE_SECONDS = 1.0
# Who waits until the fleet is healthy should not wait for the cache too.
UNHEALTHY_CACHE_SECONDS = 0.1

# Answers whether a part works, or raises when it cannot be told.
Check = Callable[[], Awaitable[bool]]


def fleet_checks(database: Database, upstreams: Upstreams) -> dict[str, Check]:
    """What is looked at: the gateway's own database, what services say of themselves and theirs."""

    async def mongodb() -> bool:
        await ping(database)
        return True

    def told_by(channel: grpc.aio.Channel, name: str = "") -> Check:
        return lambda: check_grpc_health(channel, name)

    return {
        "mongodb": mongodb,
        "redis": told_by(upstreams.orchestrator, "redis"),
        "s3": told_by(upstreams.storage, "s3"),
        "orchestrator": told_by(upstreams.orchestrator),
        "storage": told_by(upstreams.storage),
        "inference": told_by(upstreams.inference),
        "monitoring": told_by(upstreams.monitoring),
    }


class HealthChecks:
    """The fleet's health; requests in the same second share one look."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._lock = asyncio.Lock()
        self._newest: FleetHealth | None = None
        self._newest_monotonic = 0.0

    async def look(self) -> FleetHealth:
        """The health, at most a second old."""
        async with self._lock:
            if self._newest is None or self._is_old(self._newest):
                self._newest = sum_up(
                    await asyncio.gather(
                        *(_look_at(name, check) for name, check in self._checks.items())
                    )
                )
                self._newest_monotonic = time.monotonic()
            return self._newest

    def _is_old(self, newest: FleetHealth) -> bool:
        is_healthy = newest.status == "healthy"
        kept_seconds = CACHE_SECONDS if is_healthy else UNHEALTHY_CACHE_SECONDS
        return time.monotonic() - self._newest_monotonic > kept_seconds


async def _look_at(name: str, check: Check) -> ComponentHealth:
    started = time.monotonic()
    status: HealthStatus = "healthy"
    message = ""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            if not await check():
                status, message = "degraded", "answers, but says that it does not work"
    except TimeoutError:
        status, message = "down", f"did not answer within {CHECK_TIMEOUT_SECONDS:.0f} s"
    except TensorFleetError as exc:
        status, message = "down", str(exc)
    return ComponentHealth(
        name=name,
        status=status,
        message=message,
        latency_ms=round((time.monotonic() - started) * 1000, 3),
        check_time=utc_now(),
    )
