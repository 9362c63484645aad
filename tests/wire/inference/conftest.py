"""An inference service over a storage service over real stores, one of each a module."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from pymongo import MongoClient

from tensorfleet.inference.app import inference_started
from tensorfleet.inference.settings import InferenceSettings
from tensorfleet.shared.grpc_client import open_channel
from tensorfleet.storage.app import storage_started
from tensorfleet.storage.settings import StorageSettings
from tests.stores import S3Store
from tests.wire.inference.inference_client import InferenceClient
from tests.wire.storage.storage_client import (
    SERVICE_TOKEN,
    StorageClient,
    acting_in,
    new_project,
)

MAX_LOADED_MODELS = 4


@pytest.fixture(scope="module")
def storage_database(mongo_admin: MongoClient[dict[str, Any]]) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    yield name
    mongo_admin.drop_database(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storage_port(mongo_url: str, storage_database: str, s3: S3Store) -> AsyncIterator[int]:
    settings = StorageSettings(
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
        shutdown_grace_seconds=1.0,
    )
    async with storage_started(settings) as server:
        yield server.port


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storage(storage_port: int) -> AsyncIterator[StorageClient]:
    async with open_channel(f"127.0.0.1:{storage_port}", SERVICE_TOKEN) as channel:
        yield StorageClient(channel)


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("inference") / "cache"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def inference_port(storage_port: int, cache_folder: Path) -> AsyncIterator[int]:
    settings = InferenceSettings(
        service_token=SERVICE_TOKEN,
        inference_listen="127.0.0.1:0",
        inference_metrics_listen="",
        storage_address=f"127.0.0.1:{storage_port}",
        inference_cache_dir=str(cache_folder),
        inference_max_loaded_models=MAX_LOADED_MODELS,
        inference_compute_threads=1,
        shutdown_grace_seconds=1.0,
    )
    async with inference_started(settings) as server:
        yield server.port


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def inference(inference_port: int) -> AsyncIterator[InferenceClient]:
    async with open_channel(f"127.0.0.1:{inference_port}", SERVICE_TOKEN) as channel:
        yield InferenceClient(channel)


@pytest.fixture
def project() -> Iterator[str]:
    """The test's own project; its calls are made there."""
    name = new_project()
    with acting_in(name):
        yield name
