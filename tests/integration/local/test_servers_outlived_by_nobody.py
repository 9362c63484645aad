"""A fleet that is killed with SIGKILL leaves no server behind, and loses nothing acknowledged."""

import asyncio
import io
import json
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from minio import Minio
from pymongo import MongoClient
from redis import Redis

from tensorfleet.local.free_ports import free_ports
from tensorfleet.local.mongodb import start_mongodb
from tensorfleet.local.seaweedfs import start_seaweedfs
from tensorfleet.local.valkey import start_valkey
from tests.deadlines import eventually

OWNER = Path(__file__).with_name("owned_servers.py")
OBJECTS = {f"objects/{number}": bytes([number]) * 100_000 for number in range(20)}


def is_gone(pid: int) -> bool:
    """Whether a process has ended, reaped by its new parent or not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_servers_die_with_their_killed_owner_and_keep_what_they_accepted(
    tmp_path: Path,
) -> None:
    ports = free_ports(3)
    owner = await asyncio.create_subprocess_exec(
        sys.executable, str(OWNER), str(tmp_path), *map(str, ports), stdout=PIPE
    )
    assert owner.stdout is not None
    async with asyncio.timeout(60):
        report = json.loads(await owner.stdout.readline())
    assert not any(is_gone(pid) for pid in report["pids"])
    await asyncio.to_thread(write_everywhere, report)

    assert sockets_of(report["grpc_ports"])
    owner.kill()
    await owner.wait()

    await eventually(lambda: all(is_gone(pid) for pid in report["pids"]))
    # The same ports again: nothing holds them any more.
    mongodb, valkey, seaweedfs = await asyncio.gather(
        start_mongodb(
            data_dir=tmp_path / "mongodb",
            log_path=tmp_path / "mongodb.log",
            port=ports[0],
            database="fleet",
        ),
        start_valkey(data_dir=tmp_path / "valkey", log_path=tmp_path / "valkey.log", port=ports[1]),
        start_seaweedfs(
            data_dir=tmp_path / "seaweedfs",
            log_path=tmp_path / "seaweedfs.log",
            port=ports[2],
            bucket="fleet",
        ),
    )
    try:
        assert mongodb.url == report["mongo_url"]
        assert valkey.url == report["redis_url"]
        assert sockets_of(report["grpc_ports"]) == []
        assert seaweedfs.secret_key == report["s3_secret_key"]
        await asyncio.to_thread(read_everywhere, report)
    finally:
        await asyncio.gather(mongodb.stop(), valkey.stop(), seaweedfs.stop())


def sockets_of(grpc_ports: list[int]) -> list[Path]:
    return [
        path for port in grpc_ports for path in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock")
    ]


def write_everywhere(report: dict[str, Any]) -> None:
    with MongoClient[dict[str, object]](report["mongo_url"]) as mongo:
        jobs = mongo["fleet"].get_collection("jobs")
        jobs.insert_many([{"_id": number} for number in range(1000)])
    with Redis.from_url(report["redis_url"]) as redis:
        redis.set("key", "value")
        assert redis.waitaof(1, 0, 5000)[0] == 1
    s3 = s3_client(report)
    for key, content in OBJECTS.items():
        s3.put_object("fleet", key, io.BytesIO(content), len(content))


def read_everywhere(report: dict[str, Any]) -> None:
    with MongoClient[dict[str, object]](report["mongo_url"]) as mongo:
        assert mongo["fleet"].get_collection("jobs").count_documents({}) == 1000
    with Redis.from_url(report["redis_url"]) as redis:
        assert redis.get("key") == b"value"
    s3 = s3_client(report)
    for key, content in OBJECTS.items():
        with s3.get_object("fleet", key) as response:
            assert response.read() == content


def s3_client(report: dict[str, Any]) -> Minio:
    return Minio(
        urlsplit(report["s3_url"]).netloc,
        access_key=report["s3_access_key"],
        secret_key=report["s3_secret_key"],
        secure=False,
        region="us-east-1",
    )
