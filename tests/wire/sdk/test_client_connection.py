"""Logging in, retries, and answers that are none."""

import asyncio
import json
import subprocess
import sys
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tensorfleet.gateway.tokens import Tokens
from tensorfleet.gateway.users import ADMIN_NAME, Role, User
from tensorfleet.sdk.client import Client
from tensorfleet.sdk.connection import ATTEMPTS, Connection
from tensorfleet.sdk.credentials import Credentials
from tensorfleet.shared import errors
from tensorfleet.shared.rest.health import Alive, FleetHealth
from tests.wire.gateway.running_gateway import JWT_SECRET, PASSWORD
from tests.wire.sdk.conftest import Fleet

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def expired_token() -> str:
    user = User(
        name=ADMIN_NAME, password_hash="", role=Role.ADMIN, project="default", create_time=NOW
    )
    return Tokens(JWT_SECRET, timedelta(seconds=1), lambda: NOW).issue(user)


async def test_first_request_logs_in(fleet: Fleet) -> None:
    assert await to_thread(lambda: list(fleet.client.jobs())) == []


async def test_login_gives_a_token_that_works_alone(fleet: Fleet) -> None:
    token = await to_thread(fleet.client.login)
    assert token.expires_in_seconds == 3600
    with Client(fleet.relay.url, token=token.access_token) as other:
        assert await to_thread(other.workers) == []


async def test_expired_token_is_replaced_when_there_is_a_password(fleet: Fleet) -> None:
    token = expired_token()
    with Client(fleet.relay.url, token=token, username=ADMIN_NAME, password=PASSWORD) as client:
        assert await to_thread(client.workers) == []
        with pytest.raises(errors.JobNotFound):
            await to_thread(lambda: list(client.events("job-none")))


async def test_expired_token_without_a_password_is_told(fleet: Fleet) -> None:
    with Client(fleet.relay.url, token=expired_token()) as client:
        with pytest.raises(errors.Unauthenticated, match="expired"):
            await to_thread(client.workers)
        with pytest.raises(errors.Unauthenticated, match="no password"):
            await to_thread(client.login)


async def test_wrong_password_is_told_and_not_tried_again(fleet: Fleet) -> None:
    with (
        Client(fleet.relay.url, username=ADMIN_NAME, password="wrong") as client,
        pytest.raises(errors.Unauthenticated, match="password is wrong"),
    ):
        await to_thread(client.workers)
    metrics = (await fleet.gateway.http.get("/metrics")).text
    assert 'route="/api/v1/auth/login",status="401"} 1.0' in metrics


async def test_gateway_that_is_not_there_is_told_after_some_tries(fleet: Fleet) -> None:
    fleet.relay.is_refusing = True
    pauses: list[float] = []
    credentials = Credentials(url=fleet.relay.url, token="t")
    connection = Connection(credentials, sleep=pauses.append)
    with pytest.raises(errors.Unavailable, match="is the fleet up"):
        await to_thread(connection.request, "GET", "/health/live", Alive)
    connection.close()
    assert fleet.relay.connection_count == ATTEMPTS
    assert len(pauses) == ATTEMPTS - 1
    assert pauses == sorted(pauses)


async def test_service_that_comes_back_is_waited_for(fleet: Fleet) -> None:
    await to_thread(fleet.client.login)
    fleet.relay.cut()
    fleet.relay.answers_to_lose = 1
    assert await to_thread(fleet.client.workers) == []


@asynccontextmanager
async def scripted_server(*answers: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers each request with the next answer, the last one for ever; yields requests seen."""
    requests: list[bytes] = []
    left = list(answers)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", requests


def http(status: int, body: bytes, **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def problem(code: str, status: int) -> bytes:
    body = {
        "type": "urn:x",
        "title": "t",
        "status": status,
        "detail": "what to do",
        "code": code,
        "request_id": "r",
        "errors": [{"field": "a.b", "message": "m"}],
    }
    return http(status, json.dumps(body).encode())


@pytest.mark.parametrize(
    "cls",
    [cls for cls in errors.every_error_class().values() if cls.__module__ == errors.__name__],
    ids=lambda cls: cls.__name__,
)
async def test_every_problem_comes_back_as_its_class(cls: type[errors.TensorFleetError]) -> None:
    async with scripted_server(problem(cls.reason, 400)) as (url, _):
        connection = Connection(Credentials(url=url, token="t"), sleep=lambda _: None)
        with pytest.raises(cls, match="what to do") as caught:
            await to_thread(connection.request, "GET", "/x", Alive)
        connection.close()
    assert type(caught.value) is cls
    if isinstance(caught.value, errors.InvalidInput):
        assert caught.value.fields == (errors.FieldError(field="a.b", message="m"),)


@pytest.mark.parametrize(
    ("answer", "cls"),
    [
        (http(400, b"<html>"), errors.InvalidInput),
        (http(404, b""), errors.NotFound),
        (http(502, b"bad gateway"), errors.Unavailable),
        (http(504, b""), errors.DeadlineExceeded),
        (http(500, b"oops"), errors.TensorFleetError),
        (problem("SOMETHING_NEWER", 409), errors.Conflict),
        (http(200, b"<html>"), errors.TensorFleetError),
        (http(200, b'{"status": 3}'), errors.TensorFleetError),
        (http(302, b"", Location="http://elsewhere/"), errors.TensorFleetError),
    ],
)
async def test_answer_of_something_else_is_an_error(
    answer: bytes, cls: type[errors.TensorFleetError]
) -> None:
    async with scripted_server(answer) as (url, _):
        connection = Connection(Credentials(url=url, token="t"), sleep=lambda _: None)
        with pytest.raises(cls) as caught:
            await to_thread(connection.request, "GET", "/x", Alive)
        connection.close()
    assert type(caught.value) is cls


async def test_advice_when_to_retry_is_taken() -> None:
    busy = http(503, b"", Retry_After="3")
    async with scripted_server(busy, busy, http(200, b"{}")) as (url, requests):
        pauses: list[float] = []
        connection = Connection(Credentials(url=url, token="t"), sleep=pauses.append)
        assert await to_thread(connection.request, "GET", "/x", Alive) == Alive()
        connection.close()
    assert pauses == [3.0, 3.0]
    assert len(requests) == 3


async def test_what_is_wrong_is_not_sent_again() -> None:
    async with scripted_server(problem("INVALID_INPUT", 400)) as (url, requests):
        connection = Connection(Credentials(url=url, token="t"))
        with pytest.raises(errors.InvalidInput):
            await to_thread(connection.request, "POST", "/x", Alive, body={})
        connection.close()
    assert len(requests) == 1


async def test_health_of_a_fleet_that_is_down_is_an_answer(fleet: Fleet) -> None:
    healthy: FleetHealth = await to_thread(fleet.client.health)
    assert healthy.status == "healthy"
    await fleet.gateway.services["storage"].stop(0)

    async with asyncio.timeout(10):
        while (found := await to_thread(fleet.client.health)).status == "healthy":
            pass
    assert found.status == "down"
    assert {c.name for c in found.components if c.status == "down"} == {"storage", "s3"}


@pytest.mark.parametrize("url", ["fleet:7100", "ftp://fleet", "http://", "http://fleet:port"])
def test_wrong_url_is_refused(url: str) -> None:
    with pytest.raises(errors.InvalidInput):
        Client(url, token="t")


def test_token_without_a_url_is_refused() -> None:
    with pytest.raises(errors.InvalidInput, match="url"):
        Client(token="t")


async def test_proxy_of_the_web_is_not_used(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Client(fleet.relay.url, username=ADMIN_NAME, password=PASSWORD) as client:
        assert await to_thread(client.workers) == []


def test_importing_the_client_stays_light() -> None:
    code = (
        "import sys, tensorfleet.sdk.client\n"
        "heavy = {'grpc', 'google.protobuf', 'torch', 'numpy', 'litestar', 'pymongo', 'yaml'}\n"
        "sys.exit(str(sorted(heavy & set(sys.modules))) if heavy & set(sys.modules) else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
