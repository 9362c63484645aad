"""Asks a fleet's gateway from this machine: is everything healthy, does the password work."""

import asyncio
import http.client
import time

import msgspec

from tensorfleet.local.free_ports import HOST
from tensorfleet.shared.errors import DeadlineExceeded
from tensorfleet.shared.rest.auth import Login
from tensorfleet.shared.rest.health import FleetHealth

POLL_SECONDS = 0.05
REQUEST_TIMEOUT_SECONDS = 10.0


async def wait_until_healthy(gateway_port: int, *, timeout_seconds: float) -> None:
    """Returns once the gateway says that it and all that it depends on are healthy.

    Raises:
        DeadlineExceeded: They are not in time; the message names those that are not.
    """
    deadline = time.monotonic() + timeout_seconds
    while (problem := await asyncio.to_thread(_health_problem, gateway_port)) is not None:
        if time.monotonic() > deadline:
            raise DeadlineExceeded(f"not healthy within {timeout_seconds:g} s: {problem}")
        await asyncio.sleep(POLL_SECONDS)


async def logs_in(gateway_port: int, username: str, password: str) -> bool:
    """Whether the gateway knows the user by this password.

    Raises:
        OSError: It does not answer.
    """
    body = msgspec.json.encode(Login(username=username, password=password))
    status, _ = await asyncio.to_thread(_request, gateway_port, "POST", "/api/v1/auth/login", body)
    return status == http.HTTPStatus.OK


def _health_problem(gateway_port: int) -> str | None:
    try:
        status, body = _request(gateway_port, "GET", "/health")
        health = msgspec.json.decode(body, type=FleetHealth)
    except (OSError, http.client.HTTPException) as exc:
        return f"the gateway does not answer ({exc})"
    except msgspec.MsgspecError as exc:
        return f"the gateway's answer makes no sense (HTTP {status}: {exc})"
    if health.status == "healthy":
        return None
    return "; ".join(
        f"{part.name} is {part.status}{f' ({part.message})' if part.message else ''}"
        for part in health.components
        if part.status != "healthy"
    )


def _request(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    # Not httpx: in a supervisor that makes three requests it would cost 15 MiB for good.
    connection = http.client.HTTPConnection(HOST, port, timeout=REQUEST_TIMEOUT_SECONDS)
    try:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
