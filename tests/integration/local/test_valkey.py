"""The embedded Valkey: password and restarts."""

import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError

from tensorfleet.local.free_ports import free_ports
from tensorfleet.local.valkey import RunningValkey, start_valkey


@asynccontextmanager
async def running_valkey(folder: Path, port: int) -> AsyncIterator[RunningValkey]:
    server = await start_valkey(
        data_dir=folder / "valkey", log_path=folder / "valkey.log", port=port
    )
    try:
        yield server
    finally:
        await server.stop()


async def test_password_is_asked_for_and_not_on_the_command_line(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with running_valkey(tmp_path, port) as server:
        async with Redis.from_url(server.url) as client:
            assert await client.ping()
        async with Redis(port=port, retry=Retry(NoBackoff(), 0)) as stranger:
            with pytest.raises(AuthenticationError):
                await stranger.ping()
        password = server.url.split(":")[2].split("@")[0]
        assert password not in " ".join(psutil.Process(server.process.pid).cmdline())
        assert password not in repr(server)
        for name in ("password", "valkey.conf"):
            assert stat.S_IMODE((tmp_path / "valkey" / name).stat().st_mode) == 0o600


async def test_listens_on_loopback_only(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with running_valkey(tmp_path, port) as server:
        listening = {
            connection.laddr.ip
            for connection in psutil.Process(server.process.pid).net_connections(kind="inet")
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening == {"127.0.0.1"}


async def test_restart_finds_its_data_in_a_folder_with_an_awkward_name(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    folder = tmp_path / 'a "b" c\\n'
    async with running_valkey(folder, port) as server, Redis.from_url(server.url) as client:
        await client.set("key", "kept")
    assert server.process.returncode == 0
    async with running_valkey(folder, port) as server, Redis.from_url(server.url) as client:
        assert await client.get("key") == b"kept"
