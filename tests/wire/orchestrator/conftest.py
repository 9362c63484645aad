"""Orchestrators over the session's stores, whose leases outlast a test unless it says otherwise."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial

import pytest

from tests.wire.orchestrator.running_orchestrator import OrchestratorDoor, orchestrator_running

Running = Callable[..., AbstractAsyncContextManager[OrchestratorDoor]]


@pytest.fixture
def running(mongo_url: str, mongo_database: str, redis_url: str) -> Running:
    """Starts replicas over this test's database; words are settings."""
    return partial(
        orchestrator_running,
        mongo_url,
        mongo_database,
        redis_url,
        lease_seconds=60,
        renew_interval_seconds=20,
    )


@pytest.fixture
async def patient(running: Running) -> AsyncIterator[OrchestratorDoor]:
    """One replica with a long lease."""
    async with running() as door:
        yield door
