"""A client that knows several gateways of one fleet."""

import asyncio
from asyncio import to_thread
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tensorfleet.gateway.users import ADMIN_NAME
from tensorfleet.orchestrator.v1 import event_pb2, job_pb2
from tensorfleet.sdk.client import Client
from tensorfleet.sdk.connection import Connection
from tensorfleet.sdk.credentials import Credentials
from tensorfleet.shared import errors
from tensorfleet.shared.rest.events import Event
from tensorfleet.shared.rest.health import Alive
from tests.deadlines import eventually
from tests.wire.gateway.running_gateway import PASSWORD, RunningGateway, gateway_running
from tests.wire.sdk.relay import Relay, relay_to

BODY = {"kind": "command", "spec": {"command": "true"}}


class TwoDoors:
    """Two ways to one gateway; each can be cut, as if a replica died."""

    def __init__(self, gateway: RunningGateway, first: Relay, second: Relay) -> None:
        self.gateway, self.first, self.second = gateway, first, second
        self.urls = f"{first.url}, {second.url}"
        self.client = Client(self.urls, username=ADMIN_NAME, password=PASSWORD)

    def other(self, url: str) -> Relay:
        return self.second if url == self.first.url else self.first

    @staticmethod
    def kill(relay: Relay) -> None:
        relay.is_refusing = True
        relay.cut()


@pytest.fixture
async def doors() -> AsyncIterator[TwoDoors]:
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(gateway_running())
        port = int(gateway.url.rsplit(":", 1)[1])
        first = await stack.enter_async_context(relay_to(port))
        second = await stack.enter_async_context(relay_to(port))
        made = TwoDoors(gateway, first, second)
        stack.callback(made.client.close)
        yield made


async def test_dead_gateway_is_passed_by_without_a_pause(doors: TwoDoors) -> None:
    doors.kill(doors.first)
    pauses: list[float] = []
    connection = Connection(Credentials(url=doors.urls, token="t"), sleep=pauses.append)
    for _ in range(3):
        assert await to_thread(connection.request, "GET", "/health/live", Alive) == Alive()
    connection.close()
    assert pauses == []
    assert doors.first.connection_count == 1  # not asked again as long as the other one answers
    assert connection.url == doors.second.url


async def test_request_whose_answer_was_lost_has_effect_once(doors: TwoDoors) -> None:
    await to_thread(doors.client.login)
    doors.first.cut()
    doors.first.answers_to_lose = 1
    job = await to_thread(doors.client.submit, BODY)
    assert list(doors.gateway.orchestrator.jobs) == [job.id]
    assert doors.second.connection_count == 1


async def test_events_go_on_through_the_other_gateway(doors: TwoDoors) -> None:
    orchestrator = doors.gateway.orchestrator
    job_id = (await to_thread(doors.client.submit, BODY)).id

    def read() -> list[Event]:
        return list(doors.client.events(job_id))

    reading = asyncio.create_task(to_thread(read))
    for _ in range(2):
        await eventually(lambda: orchestrator.watchers == 1)
        here = doors.first if doors.client.url == doors.first.url else doors.second
        doors.other(here.url).is_refusing = False
        doors.kill(here)
        await eventually(lambda: orchestrator.watchers == 0)
        await orchestrator.add_event(job_id, progress=event_pb2.Progress(completed=1))
    await orchestrator.end(job_id, job_pb2.JOB_STATE_SUCCEEDED)
    async with asyncio.timeout(20):
        assert [event.sequence for event in await reading] == [1, 2, 3, 4]


async def test_all_gateways_away_is_told(doors: TwoDoors) -> None:
    doors.kill(doors.first)
    doors.kill(doors.second)
    pauses: list[float] = []
    connection = Connection(Credentials(url=doors.urls, token="t"), sleep=pauses.append)
    with pytest.raises(errors.Unavailable, match="is the fleet up"):
        await to_thread(connection.request, "GET", "/health/live", Alive)
    connection.close()
    assert doors.first.connection_count == doors.second.connection_count == 3
    assert len(pauses) == 4


@pytest.mark.parametrize("urls", ["http://a:1,b:2", "http://a:1,,ftp://b", ","])
def test_each_url_is_checked(urls: str) -> None:
    with pytest.raises(errors.InvalidInput):
        Client(urls, token="t")
