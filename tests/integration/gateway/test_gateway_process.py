"""The gateway as a process, with a real MongoDB."""

import asyncio
import json
import re
import socket
import sys
from typing import Any

import pytest
from pymongo import MongoClient

from tests.deadlines import eventually
from tests.integration.gateway.gateway_process import SECRETS, gateway_process

PASSWORD_LINE = re.compile(r"was created with the password {2}(\S+)\n")


async def test_first_start_makes_an_admin_whose_password_is_shown_once(
    mongo_url: str, mongo_database: str, mongo_admin: MongoClient[dict[str, Any]]
) -> None:
    async with gateway_process(mongo_url, mongo_database) as first:
        status, first_output = await first.process.stop()
    assert status == 0
    (password,) = PASSWORD_LINE.findall(first_output)
    for line in first_output.splitlines():
        if line.startswith("{"):
            assert password not in line, "the password stands in the log"
    async with gateway_process(mongo_url, mongo_database) as second:
        assert (await second.log_in(password)).status_code == 200
        assert (await second.log_in("wrong")).status_code == 401
        status, second_output = await second.process.stop()
    assert status == 0
    assert not PASSWORD_LINE.search(second_output)
    assert password not in second_output
    (user,) = mongo_admin[mongo_database]["users"].find()
    assert user["_id"] == "admin"
    assert user["password_hash"].startswith("$argon2id$")
    assert password not in str(user)


async def test_given_admin_password_is_not_shown(mongo_url: str, mongo_database: str) -> None:
    given = "given-password"
    async with gateway_process(
        mongo_url, mongo_database, TENSORFLEET_ADMIN_PASSWORD=given
    ) as gateway:
        assert (await gateway.log_in(given)).status_code == 200
        _, output = await gateway.process.stop()
    assert given not in output


async def test_replicas_that_start_at_once_agree_on_one_admin(
    mongo_url: str, mongo_database: str
) -> None:
    async with (
        gateway_process(mongo_url, mongo_database) as one,
        gateway_process(mongo_url, mongo_database) as two,
    ):
        outputs = [
            output for _, output in await asyncio.gather(one.process.stop(), two.process.stop())
        ]
    passwords = PASSWORD_LINE.findall("".join(outputs))
    assert len(passwords) == 1


async def test_token_is_good_at_every_replica(mongo_url: str, mongo_database: str) -> None:
    given = {"TENSORFLEET_ADMIN_PASSWORD": "pw"}
    async with (
        gateway_process(mongo_url, mongo_database, **given) as one,
        gateway_process(mongo_url, mongo_database, **given) as two,
    ):
        token = (await one.log_in("pw")).json()["access_token"]
        answer = await two.client.get(
            "/api/v1/workers", headers={"Authorization": f"Bearer {token}"}
        )
        # Known there, but this test has no orchestrator.
        assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")


async def test_health_tells_its_own_database_apart_from_missing_services(
    mongo_url: str, mongo_database: str
) -> None:
    async with gateway_process(mongo_url, mongo_database) as gateway:
        answer = await gateway.client.get("/health")
        assert answer.status_code == 503
        parts = {part["name"]: part["status"] for part in answer.json()["components"]}
        assert parts["mongodb"] == "healthy"
        assert {parts[name] for name in ("redis", "s3", "orchestrator", "storage")} == {"down"}


async def test_sigterm_lets_a_request_under_way_finish(mongo_url: str, mongo_database: str) -> None:
    async with gateway_process(mongo_url, mongo_database) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        body = json.dumps({"username": "admin", "password": "x"}).encode()
        head = (
            "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body[:5])
        await writer.drain()
        gateway.process.tell()

        def refuses_others() -> bool:
            try:
                with socket.create_connection(("127.0.0.1", gateway.port)):
                    return False
            except ConnectionError:
                return True

        await eventually(refuses_others)
        writer.write(body[5:])
        async with asyncio.timeout(10):
            answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 401 ")
        writer.close()
        status, _ = await gateway.process.ended()
    assert status == 0


async def run_gateway(**environment: str) -> tuple[int, str, str]:
    """Runs a gateway that cannot start; status, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tensorfleet.gateway",
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        stdout, stderr = await process.communicate()
    assert process.returncode is not None
    return process.returncode, stdout.decode(), stderr.decode()


async def test_missing_settings_are_all_named() -> None:
    status, _, stderr = await run_gateway()
    assert status == 2
    for name in ("TENSORFLEET_MONGO_URL", *SECRETS):
        assert f"{name}: must be set" in stderr


async def test_taken_port_is_told(mongo_url: str, mongo_database: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        status, _, stderr = await run_gateway(
            **SECRETS,
            TENSORFLEET_MONGO_URL=mongo_url,
            TENSORFLEET_MONGO_DATABASE=mongo_database,
            TENSORFLEET_GATEWAY_LISTEN=listen,
        )
    assert status == 1
    assert f"cannot listen on {listen}" in stderr


@pytest.mark.parametrize("service", ["gateway", "monitoring"])
async def test_help_explains_every_setting(service: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"tensorfleet.{service}",
        "--help",
        env={},
        stdout=asyncio.subprocess.PIPE,
    )
    stdout, _ = await process.communicate()
    assert process.returncode == 0
    assert f"TENSORFLEET_{service.upper()}_LISTEN=" in stdout.decode()
    assert "TENSORFLEET_SERVICE_TOKEN=\n" in stdout.decode()
