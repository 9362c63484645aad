"""A service's health as the sum of what it needs: looked at now and then, told over gRPC."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tensorfleet.shared.errors import TensorFleetError, Unavailable
from tensorfleet.shared.grpc_server import GrpcServer

CHECK_INTERVAL_SECONDS = 5.0
# While something is unhealthy: who waits for its return should not wait for the interval too.
RECHECK_INTERVAL_SECONDS = 0.25
CHECK_TIMEOUT_SECONDS = 3.0

log = structlog.get_logger(__name__)

Check = Callable[[], Awaitable[None]]


async def check_once(name: str, check: Check) -> str:
    """What is wrong with a dependency; empty when nothing is."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            await check()
    except TimeoutError:
        return f"{name} did not answer within {CHECK_TIMEOUT_SECONDS:.0f} s"
    except TensorFleetError as exc:
        return str(exc)
    except Exception as exc:  # noqa: BLE001  whatever it is, it means unhealthy
        return f"{type(exc).__name__}: {exc}"
    return ""


async def watch_dependencies(server: GrpcServer, checks: Mapping[str, Check]) -> None:
    """Looks at each dependency every few seconds, for ever, and tells the health service.

    Each has a health service name of its own; the server as a whole is healthy when all are.
    """
    healthy_before: dict[str, bool] = {}
    while True:
        names = list(checks)
        problems = await asyncio.gather(*(check_once(n, checks[n]) for n in names))
        for name, problem in zip(names, problems, strict=True):
            if problem and healthy_before.get(name, True):
                log.warning("dependency became unhealthy", dependency=name, problem=problem)
            elif not problem and not healthy_before.get(name, True):
                log.info("dependency became healthy", dependency=name)
            healthy_before[name] = not problem
            await server.set_health(name, not problem)
        await server.set_health("", not any(problems))
        await asyncio.sleep(RECHECK_INTERVAL_SECONDS if any(problems) else CHECK_INTERVAL_SECONDS)


async def check_grpc_health(channel: grpc.aio.Channel, name: str = "") -> bool:
    """Whether the server at the other end says that it (or its dependency `name`) is healthy.

    Raises:
        Unavailable: It does not answer.
    """
    stub = health_pb2_grpc.HealthStub(channel)
    try:
        answer = await stub.Check(
            health_pb2.HealthCheckRequest(service=name), timeout=CHECK_TIMEOUT_SECONDS
        )
    except TensorFleetError as exc:
        raise Unavailable(str(exc)) from exc
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)
