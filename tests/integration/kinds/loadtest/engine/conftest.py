"""The loop that generators have."""

import asyncio
import gc
from collections.abc import Callable, Iterator, Mapping

import pytest
import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Load is made on uvloop."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
def a_heap_of_its_own() -> Iterator[None]:
    """A generator collects garbage before a point; that of a whole run of tests is not its own."""
    gc.freeze()
    yield
    gc.unfreeze()
