"""The contract of the user store, against MongoDB and the tests' own fake."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tensorfleet.gateway.store import MongoUserStore
from tensorfleet.gateway.users import Role, User, UserStore
from tensorfleet.shared.errors import Unavailable
from tensorfleet.shared.mongo import mongo_connected
from tensorfleet.shared.settings import MongoSettings
from tests.wire.gateway.running_gateway import MemoryUserStore

USER = User(
    name="ada",
    password_hash="$argon2id$x",
    role=Role.USER,
    project="engines",
    create_time=datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
)


@pytest.fixture(params=["mongodb", "memory"])
async def store(
    request: pytest.FixtureRequest, mongo_url: str, mongo_database: str
) -> AsyncIterator[UserStore]:
    if request.param == "memory":
        yield MemoryUserStore()
        return
    settings = MongoSettings(mongo_url=mongo_url, mongo_database=mongo_database)
    async with mongo_connected(settings) as database:
        yield MongoUserStore(database)


async def test_added_user_is_found_as_it_was(store: UserStore) -> None:
    assert await store.find("ada") is None
    assert await store.add(USER)
    assert await store.find("ada") == USER
    assert await store.find("Ada") is None


async def test_taken_name_changes_nothing(store: UserStore) -> None:
    assert await store.add(USER)
    assert not await store.add(replace(USER, password_hash="other"))
    assert await store.find("ada") == USER


async def test_one_of_many_at_once_wins(store: UserStore) -> None:
    users = [replace(USER, password_hash=str(n)) for n in range(10)]
    added = await asyncio.gather(*(store.add(user) for user in users))
    assert sum(added) == 1
    assert await store.find("ada") == users[added.index(True)]


async def test_names_are_no_queries(store: UserStore) -> None:
    await store.add(USER)
    for name in ("$ne", "", "ada\0", ".*", '{"$gt": ""}'):
        assert await store.find(name) is None


async def test_mongodb_that_refuses_is_unavailable(mongo_url: str, mongo_database: str) -> None:
    url = re.sub(r"//([^:]+):[^@]+@", r"//\1:wrong@", mongo_url)
    assert url != mongo_url
    settings = MongoSettings(mongo_url=url, mongo_database=mongo_database)
    async with mongo_connected(settings) as database:
        store = MongoUserStore(database)
        with pytest.raises(Unavailable):
            await store.find("ada")
        with pytest.raises(Unavailable):
            await store.add(USER)
