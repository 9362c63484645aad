"""Fixtures of the worker's tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.worker.small_fleet import SmallFleet, small_fleet
from tests.stores import S3Store


@pytest.fixture
async def fleet(
    mongo_url: str, mongo_database: str, redis_url: str, s3: S3Store, tmp_path: Path
) -> AsyncIterator[SmallFleet]:
    """Services without workers."""
    async with small_fleet(mongo_url, mongo_database, redis_url, s3, tmp_path) as fleet:
        yield fleet
