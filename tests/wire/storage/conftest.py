"""A storage service over real stores, one a module; tests keep apart by projects of their own."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from pymongo import MongoClient

from tensorfleet.shared.grpc_client import open_channel
from tensorfleet.storage.app import storage_started
from tensorfleet.storage.settings import MIB, StorageSettings
from tests.stores import S3Store
from tests.wire.storage.storage_client import (
    SERVICE_TOKEN,
    StorageClient,
    acting_in,
    new_project,
)


@pytest.fixture(scope="module")
def storage_database(mongo_admin: MongoClient[dict[str, Any]]) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    yield name
    mongo_admin.drop_database(name)


@pytest.fixture(scope="module")
def storage_settings(mongo_url: str, storage_database: str, s3: S3Store) -> StorageSettings:
    return StorageSettings(
        mongo_url=mongo_url,
        mongo_database=storage_database,
        s3_url=s3.url,
        s3_access_key=s3.access_key,
        s3_secret_key=s3.secret_key,
        s3_bucket=s3.bucket,
        s3_region=s3.region,
        service_token=SERVICE_TOKEN,
        storage_listen="127.0.0.1:0",
        storage_metrics_listen="",
        upload_part_bytes=5 * MIB,
        shutdown_grace_seconds=1.0,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storage_port(storage_settings: StorageSettings) -> AsyncIterator[int]:
    async with storage_started(storage_settings) as server:
        yield server.port


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storage(storage_port: int) -> AsyncIterator[StorageClient]:
    async with open_channel(f"127.0.0.1:{storage_port}", SERVICE_TOKEN) as channel:
        yield StorageClient(channel)


@pytest.fixture
def project() -> Iterator[str]:
    """The test's own project; its calls are made there."""
    name = new_project()
    with acting_in(name):
        yield name
