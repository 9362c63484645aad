"""How the registry's answers are remembered, with a storage server that can be seen and stopped."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from tensorfleet.inference.registered_version import FRESH, STALE
from tensorfleet.inference.registry import StorageRegistry
from tensorfleet.shared.errors import ModelNotFound, Unavailable
from tensorfleet.shared.grpc_client import open_channel
from tensorfleet.shared.grpc_server import grpc_server_started
from tensorfleet.shared.metrics import RpcMetrics
from tensorfleet.storage.v1 import model_pb2
from tensorfleet.storage.v1 import model_registry_service_pb2 as pb
from tensorfleet.storage.v1 import model_registry_service_pb2_grpc as pb_grpc
from tests.wire.storage.storage_client import SERVICE_TOKEN


class Models(pb_grpc.ModelRegistryServiceServicer):
    """A registry of one model."""

    def __init__(self) -> None:
        self.newest = 1
        self.is_there = True
        self.is_well = True
        self.asked = 0

    async def GetModelVersion(self, request: pb.GetModelVersionRequest, context: Any) -> Any:
        self.asked += 1
        if not self.is_well:
            raise Unavailable("away")
        if not self.is_there:
            raise ModelNotFound("gone")
        version = model_pb2.ModelVersion(
            model=request.model,
            version=request.version or self.newest,
            artifact_id=f"artifact-{request.version or self.newest}",
        )
        return pb.GetModelVersionResponse(version=version)


class FakeClock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest_asyncio.fixture
async def registry(models: Models, clock: FakeClock) -> AsyncIterator[StorageRegistry]:
    async with (
        grpc_server_started(
            listen="127.0.0.1:0",
            service_token=SERVICE_TOKEN,
            add_servicers=[
                lambda server: pb_grpc.add_ModelRegistryServiceServicer_to_server(models, server)
            ],
            service_names=[],
            metrics=RpcMetrics(CollectorRegistry(), "test"),
            grace_seconds=0,
        ) as server,
        open_channel(f"127.0.0.1:{server.port}", SERVICE_TOKEN) as channel,
    ):
        yield StorageRegistry(channel, clock)


async def test_answer_is_good_for_a_second(
    registry: StorageRegistry, models: Models, clock: FakeClock
) -> None:
    assert (await registry.resolve("p", "m", 0)).version == 1
    models.newest = 2
    assert (await registry.resolve("p", "m", 0)).version == 1
    assert models.asked == 1
    clock.now += FRESH.total_seconds()
    assert (await registry.resolve("p", "m", 0)).version == 2
    assert models.asked == 2


async def test_projects_and_numbers_are_asked_for_apart(
    registry: StorageRegistry, models: Models
) -> None:
    for project, version in (("p", 0), ("q", 0), ("p", 7)):
        resolved = await registry.resolve(project, "m", version)
        assert (resolved.project, resolved.version) == (project, version or 1)
    assert models.asked == 3


async def test_many_at_once_ask_once(registry: StorageRegistry, models: Models) -> None:
    answers = await asyncio.gather(*(registry.resolve("p", "m", 0) for _ in range(20)))
    assert {answer.version for answer in answers} == {1}
    assert models.asked == 1


async def test_old_answer_serves_while_storage_is_away(
    registry: StorageRegistry, models: Models, clock: FakeClock
) -> None:
    await registry.resolve("p", "m", 0)
    models.is_well = False
    clock.now += 10
    for _ in range(5):
        assert (await registry.resolve("p", "m", 0)).version == 1
    assert models.asked == 2
    clock.now += STALE.total_seconds()
    with pytest.raises(Unavailable):
        await registry.resolve("p", "m", 0)


async def test_unknown_model_is_unavailable_while_storage_is_away(
    registry: StorageRegistry, models: Models
) -> None:
    models.is_well = False
    with pytest.raises(Unavailable):
        await registry.resolve("p", "m", 0)


async def test_model_that_has_gone_is_forgotten(
    registry: StorageRegistry, models: Models, clock: FakeClock
) -> None:
    await registry.resolve("p", "m", 0)
    models.is_there = False
    clock.now += 2
    with pytest.raises(ModelNotFound):
        await registry.resolve("p", "m", 0)
    models.is_well = False
    with pytest.raises(Unavailable):
        await registry.resolve("p", "m", 0)
