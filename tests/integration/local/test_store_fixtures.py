"""What the suite's own fixtures promise to every test."""

from typing import Any
from urllib.parse import urlsplit

from minio import Minio
from pymongo import MongoClient
from redis import Redis

from tests.stores import S3Store


def test_first_user_of_the_stores_leaves_things_behind(
    mongo_admin: MongoClient[dict[str, Any]], mongo_database: str, redis_url: str
) -> None:
    mongo_admin[mongo_database]["jobs"].insert_one({})
    with Redis.from_url(redis_url) as redis:
        redis.set("left", "behind")


def test_second_user_finds_none_of_it(
    mongo_admin: MongoClient[dict[str, Any]], mongo_database: str, redis_url: str
) -> None:
    assert mongo_admin[mongo_database].list_collection_names() == []
    assert not [name for name in mongo_admin.list_database_names() if name.startswith("test_")]
    with Redis.from_url(redis_url) as redis:
        assert redis.dbsize() == 0


def test_bucket_is_there(s3: S3Store) -> None:
    client = Minio(
        urlsplit(s3.url).netloc,
        access_key=s3.access_key,
        secret_key=s3.secret_key,
        secure=False,
        region=s3.region,
    )
    assert client.bucket_exists(s3.bucket)
