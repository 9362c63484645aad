"""The storage service's stores over real servers; each test has a project of its own."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from pymongo import MongoClient

from tensorfleet.shared.mongo import Database, mongo_connected
from tensorfleet.shared.settings import MongoSettings, S3Settings
from tensorfleet.storage.s3_object_store import S3ObjectStore, s3_connected
from tensorfleet.storage.store.indexes import ensure_indexes
from tests.stores import S3Store


@pytest.fixture(scope="module")
def mongo_settings(
    mongo_url: str, mongo_admin: MongoClient[dict[str, Any]]
) -> Iterator[MongoSettings]:
    name = f"test_{uuid4().hex}"
    yield MongoSettings(mongo_url=mongo_url, mongo_database=name)
    mongo_admin.drop_database(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def database(mongo_settings: MongoSettings) -> AsyncIterator[Database]:
    async with mongo_connected(mongo_settings) as database:
        await ensure_indexes(database)
        yield database


@pytest.fixture(scope="module")
def s3_settings(s3: S3Store) -> S3Settings:
    return S3Settings(
        s3_url=s3.url,
        s3_access_key=s3.access_key,
        s3_secret_key=s3.secret_key,
        s3_bucket=s3.bucket,
        s3_region=s3.region,
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def objects(s3_settings: S3Settings) -> AsyncIterator[S3ObjectStore]:
    async with s3_connected(s3_settings, threads=4) as objects:
        yield objects


@pytest.fixture
def project() -> str:
    return f"project-{uuid4().hex}"
