"""Stores of the user's own."""

import pytest

from tensorfleet.local.given_stores import given_stores
from tensorfleet.shared.errors import InvalidInput

S3 = {
    "TENSORFLEET_S3_URL": "https://s3.example.org",
    "TENSORFLEET_S3_ACCESS_KEY": "key-one",
    "TENSORFLEET_S3_SECRET_KEY": "key-two",
}


def test_no_store_is_given_by_default() -> None:
    assert given_stores({"TENSORFLEET_MONGO_URL": "", "PATH": "/bin"}) == {}


def test_given_stores_are_told_without_their_secrets() -> None:
    given = given_stores(
        {
            "TENSORFLEET_MONGO_URL": "mongodb://user:p%40ss@one:1,two:2/?replicaSet=x",
            "TENSORFLEET_REDIS_URL": "redis://:hidden@cache:6379/0",
            **S3,
        }
    )
    assert list(given) == ["mongodb", "valkey", "seaweedfs"]
    told = " ".join(given.values())
    for place in ("one:1,two:2", "cache:6379", "s3.example.org"):
        assert place in told
    for secret in ("p%40ss", "hidden", "key-one", "key-two"):
        assert secret not in told


def test_s3_without_its_keys_is_refused_with_their_names() -> None:
    with pytest.raises(InvalidInput, match="TENSORFLEET_S3_SECRET_KEY"):
        given_stores({**S3, "TENSORFLEET_S3_SECRET_KEY": ""})
