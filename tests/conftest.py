"""Fixtures of all tests: the real stores, each started once a session, and empty for each test."""

import signal
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient
from redis import Redis

from tests.stores import S3Store, StoreServers, store_servers

# Shells start what runs in the background with SIGINT ignored, and children inherit that: no test
# could press Ctrl-C then.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def servers() -> Iterator[StoreServers]:
    """Where the session's servers run."""
    with store_servers() as servers:
        yield servers


@pytest.fixture(scope="session")
def mongo_url(servers: StoreServers) -> Iterator[str]:
    """A MongoDB replica set; the user may use any database. Take `mongo_database` with it."""
    with servers.mongodb() as server:
        yield server.url


@pytest.fixture(scope="session")
def mongo_admin(mongo_url: str) -> Iterator[MongoClient[dict[str, Any]]]:
    """A client that looks into MongoDB from outside the code under test."""
    with MongoClient[dict[str, Any]](mongo_url, tz_aware=True) as client:
        yield client


@pytest.fixture
def mongo_database(mongo_admin: MongoClient[dict[str, Any]]) -> Iterator[str]:
    """Name of a database that only this test uses; dropped afterwards."""
    name = f"test_{uuid4().hex}"
    yield name
    mongo_admin.drop_database(name)


@pytest.fixture(scope="session")
def redis_admin(servers: StoreServers) -> Iterator[tuple[str, Redis]]:
    """The session's Valkey: its URL, and a client that looks into it from outside."""
    with servers.valkey() as server, Redis.from_url(server.url) as client:
        yield server.url, client


@pytest.fixture
def redis_url(redis_admin: tuple[str, Redis]) -> str:
    """A Redis that is empty when the test begins."""
    url, client = redis_admin
    client.flushall()
    return url


@pytest.fixture(scope="session")
def s3(servers: StoreServers) -> Iterator[S3Store]:
    """An S3 store with a bucket; tests share it, so they use keys of their own."""
    with servers.seaweedfs() as server:
        yield S3Store(
            url=server.url,
            access_key=server.access_key,
            secret_key=server.secret_key,
            bucket=server.bucket,
            region=server.region,
        )
