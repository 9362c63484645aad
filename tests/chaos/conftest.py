"""Casts: each module of tests has one, which its tests break one after the other."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.chaos.cast import Cast, cast_on_stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cast(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cast]:
    """A cast without anything between its members."""
    async with cast_on_stage(tmp_path_factory.mktemp("cast")) as cast:
        yield cast


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxied_cast(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cast]:
    """A cast whose network can be broken."""
    async with cast_on_stage(tmp_path_factory.mktemp("proxied-cast"), is_proxied=True) as cast:
        yield cast
