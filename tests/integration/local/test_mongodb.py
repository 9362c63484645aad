"""The embedded MongoDB: log-in, rights, restarts, and first starts that were cut short."""

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from tensorfleet.local import mongodb
from tensorfleet.local.errors import ServerStartFailed
from tensorfleet.local.free_ports import free_ports
from tensorfleet.local.mongodb import RunningMongoDB, start_mongodb

Client = AsyncMongoClient[dict[str, Any]]


@asynccontextmanager
async def running_mongodb(folder: Path, port: int) -> AsyncIterator[RunningMongoDB]:
    server = await start_mongodb(
        data_dir=folder / "mongodb", log_path=folder / "mongodb.log", port=port, database="fleet"
    )
    try:
        yield server
    finally:
        await server.stop()


async def test_user_writes_in_transactions_to_its_own_database_only(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with running_mongodb(tmp_path, port) as server, Client(server.url) as client:
        async with client.start_session() as session:

            async def insert_two(_: object) -> None:
                await client.fleet.jobs.insert_one({"_id": 1}, session=session)
                await client.fleet.tasks.insert_one({"_id": 1}, session=session)

            await session.with_transaction(insert_two)
        assert await client.fleet.tasks.count_documents({}) == 1
        with pytest.raises(OperationFailure, match="not authorized"):
            await client.other.jobs.insert_one({})
        with pytest.raises(OperationFailure, match="not authorized"):
            await client.admin.command("createUser", "mallory", pwd="x", roles=["root"])


async def test_nobody_gets_in_without_the_password(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with running_mongodb(tmp_path, port) as server:
        async with Client("127.0.0.1", port) as stranger:
            with pytest.raises(OperationFailure, match="requires authentication"):
                await stranger.fleet.jobs.find_one({})
            # The exception that let the first user in has closed behind it.
            with pytest.raises(OperationFailure, match=r"requires authentication|not authorized"):
                await stranger.admin.command("createUser", "mallory", pwd="x", roles=["root"])
        async with Client(server.url.replace("://tensorfleet:", "://tensorfleet:x")) as guesser:
            with pytest.raises(OperationFailure, match="Authentication failed"):
                await guesser.fleet.jobs.find_one({})


async def test_restart_on_another_port_finds_its_data_and_secrets(tmp_path: Path) -> None:
    first_port, second_port = free_ports(2)
    async with running_mongodb(tmp_path, first_port) as server, Client(server.url) as client:
        await client.fleet.jobs.insert_one({"_id": "kept"})
    assert server.process.returncode == 0
    async with running_mongodb(tmp_path, second_port) as server, Client(server.url) as client:
        assert await client.fleet.jobs.find_one({}) == {"_id": "kept"}
        await client.fleet.jobs.insert_one({"_id": "more"})


async def test_first_start_that_was_cut_short_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = free_ports(1)
    with monkeypatch.context() as patch:
        patch.setattr(mongodb, "ADMIN_ROLES", ("no-such-role",))
        with pytest.raises(ServerStartFailed, match="no-such-role"):
            async with running_mongodb(tmp_path, port):
                pass
    async with running_mongodb(tmp_path, port) as server, Client(server.url) as client:
        await client.fleet.jobs.insert_one({})


async def test_data_without_its_passwords_is_refused_and_not_touched(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with running_mongodb(tmp_path, port) as server, Client(server.url) as client:
        await client.fleet.jobs.insert_one({"_id": "kept"})
    passwords = tmp_path / "mongodb" / "passwords.json"
    saved = passwords.rename(tmp_path / "saved.json")
    with pytest.raises(ServerStartFailed, match=r"passwords\.json"):
        async with running_mongodb(tmp_path, port):
            pass
    saved.rename(passwords)
    async with running_mongodb(tmp_path, port) as server, Client(server.url) as client:
        assert await client.fleet.jobs.find_one({}) == {"_id": "kept"}


async def test_port_in_use_is_told_from_the_log(tmp_path: Path) -> None:
    holder = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    async with holder:
        port = holder.sockets[0].getsockname()[1]
        with pytest.raises(ServerStartFailed, match="Address already in use"):
            async with running_mongodb(tmp_path, port):
                pass


async def test_secrets_are_for_the_owner_only(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    async with running_mongodb(tmp_path, port) as server:
        password = server.url.split(":")[2].split("@")[0]
        assert password not in repr(server)
        assert stat.S_IMODE((tmp_path / "mongodb").stat().st_mode) == 0o700
        for name in ("keyfile", "passwords.json"):
            assert stat.S_IMODE((tmp_path / "mongodb" / name).stat().st_mode) == 0o600
