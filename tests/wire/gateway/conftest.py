"""A gateway for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.wire.gateway.running_gateway import RunningGateway, gateway_running


@pytest.fixture
async def gateway() -> AsyncIterator[RunningGateway]:
    """A running gateway before fakes."""
    async with gateway_running() as running:
        yield running
