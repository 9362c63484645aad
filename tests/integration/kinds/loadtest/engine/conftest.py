"""The loop that generators have."""

import asyncio
from collections.abc import Callable, Mapping

import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Load is made on uvloop."""
    return {"uvloop": uvloop.new_event_loop}
