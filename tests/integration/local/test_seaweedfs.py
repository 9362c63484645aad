"""The embedded SeaweedFS: keys, loopback, several at once, and restarts."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import urllib3
from minio import Minio
from minio.error import S3Error

from tensorfleet.local.free_ports import free_ports
from tensorfleet.local.seaweedfs import RunningSeaweedFS, start_seaweedfs


@asynccontextmanager
async def running_seaweedfs(folder: Path, port: int) -> AsyncIterator[RunningSeaweedFS]:
    server = await start_seaweedfs(
        data_dir=folder / "seaweedfs",
        log_path=folder / "seaweedfs.log",
        port=port,
        bucket="fleet",
    )
    try:
        yield server
    finally:
        await server.stop()


def client_of(server: RunningSeaweedFS, *, secret_key: str | None = None) -> Minio:
    return Minio(
        urlsplit(server.url).netloc,
        access_key=server.access_key,
        secret_key=secret_key or server.secret_key,
        secure=False,
        region=server.region,
    )


async def test_objects_and_signed_urls_work_with_the_keys_and_not_without(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with running_seaweedfs(tmp_path, port) as server:
        await asyncio.to_thread(check_access, server)
        assert server.secret_key not in repr(server)


def check_access(server: RunningSeaweedFS) -> None:
    client = client_of(server)
    client.put_object("fleet", "a/b", io.BytesIO(b"content"), 7)
    signed = client.presigned_get_object("fleet", "a/b", expires=timedelta(minutes=1))
    assert urllib3.request("GET", signed).data == b"content"
    signed = client.presigned_put_object("fleet", "a/c", expires=timedelta(minutes=1))
    assert urllib3.request("PUT", signed, body=b"more").status == 200
    assert client.stat_object("fleet", "a/c").size == 4

    for method in ("GET", "PUT", "DELETE"):
        assert urllib3.request(method, f"{server.url}/fleet/a/b").status == 403
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        client_of(server, secret_key="wrong").list_buckets()
    with pytest.raises(S3Error, match="NoSuchBucket"):
        client.put_object("other", "a", io.BytesIO(b""), 0)


async def test_bytes_cannot_be_read_around_the_gateway(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with running_seaweedfs(tmp_path, port) as server:
        client = client_of(server)
        await asyncio.to_thread(client.put_object, "fleet", "a", io.BytesIO(b"secret"), 6)
        listening = [
            connection.laddr
            for connection in psutil.Process(server.process.pid).net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert {address.ip for address in listening} == {"127.0.0.1"}
        assert len(listening) >= 6
        statuses = [
            await asyncio.to_thread(http_status, address.port, path)
            for address in listening
            for path in ("buckets/fleet/a", "fleet/a", "1,01", "3,02")
        ]
        assert not [status for status in statuses if 200 <= status < 300]
        assert 401 in statuses, "the volume server asks for a token"


def http_status(port: int, path: str) -> int:
    """Status of a plain GET, redirects followed; 0 where no HTTP is spoken."""
    try:
        return urllib3.request(
            "GET", f"http://127.0.0.1:{port}/{path}", retries=urllib3.Retry(0, redirect=3)
        ).status
    except urllib3.exceptions.HTTPError:
        return 0


async def test_restart_finds_its_objects_also_on_another_port(tmp_path: Path) -> None:
    first_port, second_port = free_ports(2)
    content = bytes(range(256)) * 40_000  # 10 MB: several chunks
    async with running_seaweedfs(tmp_path, first_port) as server:
        await asyncio.to_thread(
            client_of(server).put_object, "fleet", "kept", io.BytesIO(content), len(content)
        )
    async with running_seaweedfs(tmp_path, second_port) as server:
        response = await asyncio.to_thread(client_of(server).get_object, "fleet", "kept")
        with response:
            assert await asyncio.to_thread(response.read) == content


async def test_two_servers_run_side_by_side_and_leave_no_sockets(tmp_path: Path) -> None:
    first_port, second_port = free_ports(2)
    async with (
        running_seaweedfs(tmp_path / "first", first_port) as first,
        running_seaweedfs(tmp_path / "second", second_port) as second,
    ):
        await asyncio.to_thread(client_of(first).put_object, "fleet", "x", io.BytesIO(b"1"), 1)
        with pytest.raises(S3Error, match="NoSuchKey"):
            await asyncio.to_thread(client_of(second).stat_object, "fleet", "x")
        sockets = sockets_of(first) + sockets_of(second)
        assert sockets
    assert sockets_of(first) + sockets_of(second) == []


def sockets_of(server: RunningSeaweedFS) -> list[Path]:
    return [
        path
        for port in server.grpc_ports
        for path in Path("/tmp").glob(f"seaweedfs-*-grpc-{port}.sock")
    ]
