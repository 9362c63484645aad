"""Real store servers for tests: one of each a pytest session, started when first asked for."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tensorfleet.local.free_ports import free_ports
from tensorfleet.local.mongodb import MongoRole, RunningMongoDB, start_mongodb
from tensorfleet.local.seaweedfs import RunningSeaweedFS, start_seaweedfs
from tensorfleet.local.valkey import RunningValkey, start_valkey

BUCKET = "tensorfleet-test"
# Every test has a database of its own, so the user may use and drop any.
ANY_DATABASE = (
    MongoRole(name="readWriteAnyDatabase", database="admin"),
    MongoRole(name="dbAdminAnyDatabase", database="admin"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Store:
    """An S3 endpoint and its bucket."""

    url: str
    access_key: str
    secret_key: str
    bucket: str
    region: str


class StoreServers:
    """Starts servers for a session; each has its own folder below one temporary folder.

    Its event loop lives as long as the servers, apart from the loops of the tests.
    """

    def __init__(self, folder: Path, runner: asyncio.Runner) -> None:
        self._folder = folder
        self._runner = runner

    @contextmanager
    def mongodb(self) -> Iterator[RunningMongoDB]:
        """MongoDB, whose user may do anything with any database."""
        server = self._runner.run(
            start_mongodb(
                data_dir=self._folder / "mongodb",
                log_path=self._folder / "logs" / "mongodb.log",
                port=free_ports(1)[0],
                database="test",
                roles=ANY_DATABASE,
            )
        )
        try:
            yield server
        finally:
            self._runner.run(server.stop())

    @contextmanager
    def valkey(self) -> Iterator[RunningValkey]:
        """Valkey."""
        server = self._runner.run(
            start_valkey(
                data_dir=self._folder / "valkey",
                log_path=self._folder / "logs" / "valkey.log",
                port=free_ports(1)[0],
            )
        )
        try:
            yield server
        finally:
            self._runner.run(server.stop())

    @contextmanager
    def seaweedfs(self) -> Iterator[RunningSeaweedFS]:
        """SeaweedFS's S3 gateway, with one bucket."""
        server = self._runner.run(
            start_seaweedfs(
                data_dir=self._folder / "seaweedfs",
                log_path=self._folder / "logs" / "seaweedfs.log",
                port=free_ports(1)[0],
                bucket=BUCKET,
            )
        )
        try:
            yield server
        finally:
            self._runner.run(server.stop())


@contextmanager
def store_servers() -> Iterator[StoreServers]:
    """A place to start servers in; the folder is removed at the end."""
    with (
        tempfile.TemporaryDirectory(prefix="tensorfleet-stores-") as folder,
        asyncio.Runner() as runner,
    ):
        yield StoreServers(Path(folder), runner)
