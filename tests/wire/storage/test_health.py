"""What the storage server tells about itself."""

from functools import partial

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tensorfleet.storage.app import SERVICE_NAMES
from tests.deadlines import eventually
from tests.wire.storage.storage_client import StorageClient

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_dependencies_have_a_health_of_their_own(storage_port: int) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{storage_port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)

        async def is_serving(name: str) -> bool:
            try:
                answer = await stub.Check(health_pb2.HealthCheckRequest(service=name))
            except grpc.aio.AioRpcError:
                return False
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

        for name in ("mongodb", "s3", ""):
            await eventually(partial(is_serving, name))
        assert not await is_serving("redis")


async def test_reflection_names_the_services(storage: StorageClient) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(storage.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    names: set[str] = set()
    async for answer in stub.ServerReflectionInfo(iter([request])):
        names |= {service.name for service in answer.list_services_response.service}
    assert set(SERVICE_NAMES) <= names
    assert len(SERVICE_NAMES) == 4
