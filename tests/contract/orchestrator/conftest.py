"""The stores that the contract holds for: the fake, and MongoDB's."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tensorfleet.orchestrator.store.definition_store import DefinitionStore
from tensorfleet.orchestrator.store.mongo_definitions import MongoDefinitionStore
from tensorfleet.orchestrator.store.mongo_store import MongoOrchestratorStore
from tensorfleet.orchestrator.store.protocol import OrchestratorStore
from tensorfleet.shared.mongo import Database, mongo_connected
from tensorfleet.shared.settings import MongoSettings
from tests.fakes.definition_store import FakeDefinitionStore
from tests.fakes.orchestrator_store import FakeOrchestratorStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicas:
    """Two replicas' stores over one database."""

    one: MongoOrchestratorStore
    two: MongoOrchestratorStore
    definitions: MongoDefinitionStore
    database: Database


@pytest.fixture
async def replicas(mongo_url: str, mongo_database: str) -> AsyncIterator[Replicas]:
    settings = MongoSettings(mongo_url=mongo_url, mongo_database=mongo_database)
    async with mongo_connected(settings) as first, mongo_connected(settings) as second:
        one, two = MongoOrchestratorStore(first), MongoOrchestratorStore(second)
        definitions = MongoDefinitionStore(first)
        await one.ensure_indexes()
        await definitions.ensure_indexes()
        yield Replicas(one=one, two=two, definitions=definitions, database=second)
        await one.flush()
        await two.flush()


@pytest.fixture(params=["fake", "mongo"])
def store(request: pytest.FixtureRequest) -> OrchestratorStore:
    """Each store in turn."""
    if request.param == "fake":
        return FakeOrchestratorStore()
    replicas: Replicas = request.getfixturevalue("replicas")
    return replicas.one


@pytest.fixture(params=["fake", "mongo"])
def definitions(request: pytest.FixtureRequest) -> DefinitionStore:
    """Each store of definitions in turn."""
    if request.param == "fake":
        return FakeDefinitionStore()
    replicas: Replicas = request.getfixturevalue("replicas")
    return replicas.definitions
