"""A client on a real gateway."""

from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from tensorfleet.gateway.users import ADMIN_NAME
from tensorfleet.sdk.client import Client
from tests.wire.gateway.running_gateway import PASSWORD, RunningGateway, gateway_running
from tests.wire.sdk.relay import Relay, relay_to


@dataclass(frozen=True)
class Fleet:
    """The client, and what is behind it. The client blocks: call it in threads."""

    client: Client
    gateway: RunningGateway
    relay: Relay


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    """A client with a password, a relay that can be cut, a gateway before fakes."""
    async with gateway_running() as gateway:
        port = int(gateway.url.rsplit(":", 1)[1])
        async with relay_to(port) as relay:
            client = Client(relay.url, username=ADMIN_NAME, password=PASSWORD)
            with closing(client):
                yield Fleet(client, gateway, relay)
