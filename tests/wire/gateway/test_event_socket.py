"""Events of jobs over a WebSocket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from tensorfleet.gateway.users import ADMIN_NAME, Role, User
from tensorfleet.orchestrator.v1 import event_pb2, job_pb2
from tests.deadlines import eventually
from tests.wire.gateway.running_gateway import RunningGateway, gateway_running
from tests.wire.gateway.test_events import new_job
from tests.wire.gateway.websocket_client import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    Closed,
    WebSocketClient,
    connected,
)


async def admin_token(gateway: RunningGateway) -> str:
    admin = await gateway.users.find(ADMIN_NAME)
    assert admin is not None
    return gateway.tokens.issue(admin)


@asynccontextmanager
async def logged_in(
    gateway: RunningGateway, *, is_narrow: bool = False
) -> AsyncIterator[WebSocketClient]:
    token = await admin_token(gateway)
    async with connected(gateway.url, token=token, is_narrow=is_narrow) as client:
        assert (await client.receive())["type"] == "ready"
        yield client


async def take(client: WebSocketClient, count: int) -> list[dict[str, Any]]:
    return [await client.receive() for _ in range(count)]


def sequences(messages: list[dict[str, Any]]) -> list[int]:
    return [message["event"]["sequence"] for message in messages if message["type"] == "event"]


async def test_events_come_as_they_happen_and_end_with_the_job(gateway: RunningGateway) -> None:
    job_id = await new_job(gateway)
    async with logged_in(gateway) as client:
        client.send(type="subscribe", job_id=job_id, id="mine")
        first = await client.receive()
        assert (first["type"], first["id"], first["job_id"]) == ("event", "mine", job_id)
        assert (first["event"]["type"], first["event"]["state"]) == ("job_state", "pending")
        await gateway.orchestrator.run(job_id)
        assert (await client.receive())["event"]["state"] == "running"
        await gateway.orchestrator.end(job_id, job_pb2.JOB_STATE_SUCCEEDED)
        assert (await client.receive())["event"]["is_terminal"] is True
        assert await client.receive() == {"type": "end", "id": "mine", "job_id": job_id}
    await eventually(lambda: gateway.orchestrator.watchers == 0)


async def test_reader_goes_on_after_the_last_event_it_has(gateway: RunningGateway) -> None:
    job_id = await new_job(gateway)
    await gateway.orchestrator.run(job_id)
    await gateway.orchestrator.end(job_id, job_pb2.JOB_STATE_SUCCEEDED)
    async with logged_in(gateway) as client:
        client.send(type="subscribe", job_id=job_id, after=1)
        messages = await take(client, 3)
        assert sequences(messages) == [2, 3]
        assert messages[2] == {"type": "end", "id": job_id, "job_id": job_id}
        client.send(type="subscribe", job_id=job_id, after=3)
        assert (await client.receive())["type"] == "end"


async def test_several_jobs_over_one_connection_each_in_its_order(
    gateway: RunningGateway,
) -> None:
    jobs = [await new_job(gateway) for _ in range(5)]
    async with logged_in(gateway) as client:
        for job_id in jobs:
            client.send(type="subscribe", job_id=job_id)
        await eventually(lambda: gateway.orchestrator.watchers == 5)
        for n in range(20):
            for job_id in jobs:
                await gateway.orchestrator.add_event(
                    job_id, progress=event_pb2.Progress(completed=n)
                )
        for job_id in jobs:
            await gateway.orchestrator.end(job_id, job_pb2.JOB_STATE_SUCCEEDED)
        messages = await take(client, 5 * 23)
    for job_id in jobs:
        own = [message for message in messages if message["job_id"] == job_id]
        assert sequences(own) == list(range(1, 23))
        assert own[-1]["type"] == "end"


async def test_broken_streams_of_the_orchestrator_leave_no_gap(gateway: RunningGateway) -> None:
    job_id = await new_job(gateway)
    for n in range(10):
        await gateway.orchestrator.add_event(job_id, progress=event_pb2.Progress(completed=n))
    await gateway.orchestrator.end(job_id, job_pb2.JOB_STATE_SUCCEEDED)
    gateway.orchestrator.breaks_to_come = 3
    async with logged_in(gateway) as client:
        client.send(type="subscribe", job_id=job_id)
        assert sequences(await take(client, 13)) == list(range(1, 13))


async def test_nothing_comes_after_unsubscribing(gateway: RunningGateway) -> None:
    job_id = await new_job(gateway)
    async with logged_in(gateway) as client:
        client.send(type="subscribe", job_id=job_id, id="a")
        await client.receive()
        client.send(type="unsubscribe", id="a")
        assert await client.receive() == {"type": "unsubscribed", "id": "a"}
        await eventually(lambda: gateway.orchestrator.watchers == 0)
        await gateway.orchestrator.run(job_id)
        client.send(type="ping")
        assert await client.receive() == {"type": "pong"}
        client.send(type="subscribe", job_id=job_id, id="a", after=1)
        assert sequences([await client.receive()]) == [2]


async def test_browser_says_who_it_is_by_its_first_message(gateway: RunningGateway) -> None:
    job_id = await new_job(gateway)
    async with connected(gateway.url) as client:
        client.send(type="auth", token=await admin_token(gateway))
        assert (await client.receive())["type"] == "ready"
        client.send(type="subscribe", job_id=job_id)
        assert sequences([await client.receive()]) == [1]
        client.send(type="auth", token=await admin_token(gateway))  # a newer one
        client.send(type="ping")
        assert await client.receive() == {"type": "pong"}


@pytest.mark.parametrize(
    "first",
    [
        {"type": "auth", "token": "forged"},
        {"type": "subscribe", "job_id": "job-1"},
        {"type": "auth"},
        {"token": "x"},
    ],
)
async def test_stranger_is_told_and_closed(gateway: RunningGateway, first: dict[str, str]) -> None:
    async with connected(gateway.url) as client:
        client.send(**first)
        error = await client.receive()
        assert (error["type"], error["problem"]["status"]) in (("error", 401), ("error", 400))
        assert (await client.until_closed()).code == 4401


async def test_token_in_the_address_is_no_token(gateway: RunningGateway) -> None:
    token = await admin_token(gateway)
    async with connected(gateway.url, path=f"/api/v1/ws?token={token}") as client:
        client.send(type="subscribe", job_id="job-1")
        assert (await client.receive())["problem"]["code"] == "UNAUTHENTICATED"


async def test_wrong_token_in_the_header_is_told(gateway: RunningGateway) -> None:
    async with connected(gateway.url, token="forged") as client:
        assert (await client.receive())["problem"]["code"] == "UNAUTHENTICATED"
        assert (await client.until_closed()).code == 4401


async def test_another_users_token_does_not_take_a_connection_over(
    gateway: RunningGateway,
) -> None:
    admin = await gateway.users.find(ADMIN_NAME)
    assert admin is not None
    other = User(
        name="eve",
        password_hash="",
        role=Role.USER,
        project="default",
        create_time=admin.create_time,
    )
    async with logged_in(gateway) as client:
        client.send(type="auth", token=gateway.tokens.issue(other))
        assert (await client.receive())["problem"]["code"] == "PERMISSION_DENIED"


async def test_jobs_of_another_project_are_not_there(gateway: RunningGateway) -> None:
    job_id = await new_job(gateway)
    gateway.orchestrator.jobs[job_id].project = "other"
    async with logged_in(gateway) as client:
        client.send(type="subscribe", job_id=job_id, id="a")
        error = await client.receive()
        assert (error["type"], error["id"]) == ("error", "a")
        assert (error["problem"]["status"], error["problem"]["code"]) == (404, "JOB_NOT_FOUND")
        client.send(type="ping")
        assert await client.receive() == {"type": "pong"}


@pytest.mark.parametrize(
    "message",
    [
        {"type": "dance"},
        {"type": "subscribe"},
        {"type": "subscribe", "job_id": 5},
        {"type": "subscribe", "job_id": "j", "after": -1},
        {"type": "subscribe", "job_id": "j", "after": 2**63},
        {"type": "subscribe", "job_id": "j", "id": "i" * 129},
        {"type": "subscribe", "job_id": "j", "afte": 1},
        {"type": "unsubscribe"},
        {},
    ],
)
async def test_wrong_message_is_refused_and_the_connection_stays(
    gateway: RunningGateway, message: dict[str, Any]
) -> None:
    async with logged_in(gateway) as client:
        client.send(**message)
        error = await client.receive()
        assert (error["type"], error["id"]) == ("error", "")
        assert error["problem"]["code"] == "INVALID_INPUT"
        client.send(type="ping")
        assert await client.receive() == {"type": "pong"}


async def test_subscriptions_are_limited_and_named_once(gateway: RunningGateway) -> None:
    job_id = await new_job(gateway)
    async with logged_in(gateway) as client:
        for n in range(64):
            client.send(type="subscribe", job_id=job_id, id=str(n), after=1)
        await eventually(lambda: gateway.orchestrator.watchers == 64)
        client.send(type="subscribe", job_id=job_id, id="one more")
        error = await client.receive()
        assert (error["id"], error["problem"]["code"]) == ("one more", "RATE_LIMITED")
        client.send(type="subscribe", job_id=job_id, id="7")
        error = await client.receive()
        assert (error["id"], error["problem"]["code"]) == ("", "CONFLICT")
        client.send(type="unsubscribe", id="7")
        await client.receive()
        client.send(type="subscribe", job_id=job_id, id="7")
        assert (await client.receive())["id"] == "7"


async def test_expired_token_opens_no_further_subscription() -> None:
    async with gateway_running(access_token_ttl_seconds=1) as gateway:
        token = await admin_token(gateway)
        async with connected(gateway.url, token=token) as client:
            assert (await client.receive())["type"] == "ready"

            async def is_expired() -> bool:
                client.send(type="subscribe", job_id="job-none")
                return "has expired" in str((await client.receive())["problem"]["detail"])

            await eventually(is_expired)
            client.send(type="auth", token=await admin_token(gateway))
            client.send(type="subscribe", job_id="job-none")
            assert (await client.receive())["problem"]["code"] == "JOB_NOT_FOUND"


async def test_stopping_gateway_says_so(gateway: RunningGateway) -> None:
    job_id = await new_job(gateway)
    async with logged_in(gateway) as client:
        client.send(type="subscribe", job_id=job_id)
        await client.receive()
        gateway.stop.set()
        assert (await client.until_closed()).code == 1012
    await eventually(lambda: gateway.orchestrator.watchers == 0)


async def test_client_that_goes_away_frees_everything(gateway: RunningGateway) -> None:
    job_id = await new_job(gateway)
    async with logged_in(gateway) as client:
        client.send(type="subscribe", job_id=job_id)
        await client.receive()
        metrics = (await gateway.http.get("/metrics")).text
        assert "tensorfleet_gateway_event_streams_open 1.0" in metrics
    await eventually(lambda: gateway.orchestrator.watchers == 0)

    async def none_open() -> bool:
        metrics = (await gateway.http.get("/metrics")).text
        return "tensorfleet_gateway_event_streams_open 0.0" in metrics

    await eventually(none_open)


async def test_client_closes_and_is_answered(gateway: RunningGateway) -> None:
    async with logged_in(gateway) as client:
        client.send_frame(CLOSE, (1000).to_bytes(2, "big") + b"bye")
        assert await client.frame() == (CLOSE, (1000).to_bytes(2, "big"))
        assert (await client.until_closed()).code == 1006  # nothing follows


async def test_ping_of_the_protocol_is_answered(gateway: RunningGateway) -> None:
    async with logged_in(gateway) as client:
        client.send_frame(PING, b"are you there")
        assert await client.frame() == (PONG, b"are you there")


async def test_message_in_pieces_with_a_ping_between_them(gateway: RunningGateway) -> None:
    async with logged_in(gateway) as client:
        client.send_frame(1, b'{"type":', is_final=False)
        client.send_frame(PING, b"")
        client.send_frame(0, b'"ping"}')
        assert await client.frame() == (PONG, b"")
        assert await client.receive() == {"type": "pong"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x81\x02hi", 1002),  # not masked
        (b"\xc1\x80mask", 1002),  # a bit of an extension
        (b"\x83\x80mask", 1002),  # an unknown opcode
        (b"\x80\x80mask", 1002),  # goes on with nothing
        (b"\x09\x80mask", 1002),  # a control frame in pieces
        (b"\x88\x81mask\x6d", 1002),  # half a code
        (b"\x81\xfe\xff\xffmask", 1009),  # 65,535 bytes are to come
    ],
)
async def test_client_that_breaks_the_rules_is_closed(
    gateway: RunningGateway, data: bytes, code: int
) -> None:
    async with logged_in(gateway) as client:
        client.send_raw(data)
        assert (await client.until_closed()).code == code


async def test_what_is_no_text_is_not_taken(gateway: RunningGateway) -> None:
    async with logged_in(gateway) as client:
        client.send_frame(BINARY, b"{}")
        assert (await client.until_closed()).code == 1003
    async with logged_in(gateway) as client:
        client.send_frame(1, b"\xff")
        assert (await client.until_closed()).code == 1007


async def test_message_that_is_too_long_even_in_pieces(gateway: RunningGateway) -> None:
    async with logged_in(gateway) as client:
        for _ in range(3):
            client.send_frame(1 if _ == 0 else 0, b"x" * 8000, is_final=False)
        assert (await client.until_closed()).code == 1009


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("Sec-WebSocket-Version", "12", 426),
        ("Sec-WebSocket-Key", "short", 400),
        ("Sec-WebSocket-Key", "", 400),
    ],
)
async def test_wrong_handshake_is_refused(
    gateway: RunningGateway, header: str, value: str, status: int
) -> None:
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        header: value,
    }
    answer = await gateway.http.get("/api/v1/ws", headers=headers)
    assert answer.status_code == status


async def test_other_paths_are_no_sockets_and_the_socket_is_no_page(
    gateway: RunningGateway,
) -> None:
    async with AsyncExitStack() as stack:
        with pytest.raises(Closed) as caught:
            await stack.enter_async_context(connected(gateway.url, path="/api/v1/jobs"))
    assert caught.value.code == 403
    answer = await gateway.http.get("/api/v1/ws")
    assert (answer.status_code, answer.json()["code"]) == (426, "UPGRADE_REQUIRED")


async def test_slow_reader_hurts_nobody_is_closed_and_can_resume() -> None:
    async with gateway_running(reader_patience_seconds=0.4) as gateway:
        job_id = await new_job(gateway)
        log = event_pb2.LogLines(stream=event_pb2.LOG_STREAM_STDOUT, lines=["x" * 1000] * 8)
        async with logged_in(gateway, is_narrow=True) as slow, logged_in(gateway) as quick:
            slow.send(type="subscribe", job_id=job_id)
            quick.send(type="subscribe", job_id=job_id)
            await eventually(lambda: gateway.orchestrator.watchers == 2)
            reading = asyncio.create_task(take(quick, 1001))
            for _ in range(1000):
                await gateway.orchestrator.add_event(job_id, log=log)
            assert sequences(await reading) == list(range(1, 1002))
            got: list[dict[str, Any]] = []
            await eventually(lambda: gateway.orchestrator.watchers == 1)
            assert (await slow.until_closed(got)).code == 4408
        seen = sequences(got)
        assert seen == list(range(1, len(seen) + 1))
        assert len(seen) < 1001
        async with logged_in(gateway) as again:
            again.send(type="subscribe", job_id=job_id, after=seen[-1])
            rest = sequences(await take(again, 1001 - len(seen)))
        assert rest == list(range(len(seen) + 1, 1002))


async def test_client_that_does_not_answer_pings_is_dropped() -> None:
    async with gateway_running(reader_patience_seconds=0.2) as gateway, logged_in(gateway) as dead:
        assert await dead.frame() == (PING, b"")
        async with asyncio.timeout(5):
            while await dead.frame_or_end() is not None:
                pass


async def test_quiet_client_that_answers_pings_stays() -> None:
    async with gateway_running(reader_patience_seconds=0.2) as gateway:
        job_id = await new_job(gateway)
        async with logged_in(gateway) as client:
            client.send(type="subscribe", job_id=job_id, after=1)
            reading = asyncio.create_task(client.receive())
            await eventually(lambda: client.pings >= 4)
            await gateway.orchestrator.run(job_id)
            assert sequences([await reading]) == [2]
