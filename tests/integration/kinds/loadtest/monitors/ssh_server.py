"""A real SSH server on a loopback port that runs the commands it is given as processes."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

USER = "watcher"
PASSWORD = "correct horse"
CHUNK_BYTES = 65536


@dataclass(slots=True)
class SshServer:
    """Where it listens, and who came."""

    port: int
    host_key: asyncssh.SSHKey
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)
    logins: int = 0
    children: list[asyncio.subprocess.Process] = field(default_factory=list)

    @property
    def address(self) -> str:
        """As a monitor's `ssh` has it."""
        return f"{USER}@127.0.0.1:{self.port}"

    def write_known_hosts(self, path: Path, key: asyncssh.SSHKey | None = None) -> Path:
        """A `known_hosts` file that has this server's key, or another one for it."""
        public = (key or self.host_key).export_public_key().decode()
        path.write_text(f"[127.0.0.1]:{self.port} {public}")
        return path

    def cut(self) -> None:
        """Cuts all connections, without a word."""
        for connection in self.connections:
            connection.abort()
        self.connections.clear()


class _Door(asyncssh.SSHServer):
    def __init__(self, server: SshServer, client_key: asyncssh.SSHKey | None) -> None:
        self._server = server
        self._client_key = client_key

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._server.connections.append(conn)

    def auth_completed(self) -> None:
        self._server.logins += 1

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return username == USER and password == PASSWORD

    def public_key_auth_supported(self) -> bool:
        return self._client_key is not None

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return self._client_key is not None and key.public_data == self._client_key.public_data


@asynccontextmanager
async def ssh_server(
    *,
    client_key: asyncssh.SSHKey | None = None,
    login_shell: tuple[str, ...] = ("/bin/sh", "-c"),
    port: int = 0,
) -> AsyncIterator[SshServer]:
    """A server that lets in `USER` with `PASSWORD`, or with the key.

    Args:
        login_shell: The user's, which is given the command.
    """
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    server = SshServer(port=0, host_key=host_key)
    runs: set[asyncio.Task[None]] = set()

    async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
        task = asyncio.current_task()
        assert task is not None
        runs.add(task)
        await _run(process, login_shell, server)

    acceptor = await asyncssh.create_server(
        lambda: _Door(server, client_key),
        "127.0.0.1",
        port,
        server_host_keys=[host_key],
        process_factory=run,
        encoding=None,
    )
    server.port = acceptor.get_port()
    try:
        yield server
    finally:
        server.cut()
        acceptor.close()
        await acceptor.wait_closed()
        await asyncio.gather(*runs)


async def _run(
    process: asyncssh.SSHServerProcess[bytes], login_shell: tuple[str, ...], server: SshServer
) -> None:
    """A command's life. Its output ends when nobody reads it any more, as under any SSH server."""
    read_end, write_end = os.pipe()
    output = asyncio.StreamReader()
    pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(output), os.fdopen(read_end, "rb")
    )
    child = await asyncio.create_subprocess_exec(
        *login_shell,
        process.command or "true",
        stdin=asyncio.subprocess.PIPE,
        stdout=write_end,
        stderr=write_end,
    )
    os.close(write_end)
    server.children.append(child)
    assert child.stdin is not None
    feeding = asyncio.create_task(_feed(process, child.stdin))
    try:
        while chunk := await output.read(CHUNK_BYTES):
            process.stdout.write(chunk)
            await process.stdout.drain()
        process.exit(await child.wait())
    except (OSError, asyncssh.Error):
        pass  # the connection was cut
    finally:
        pipe.close()
        await feeding
        await child.wait()


async def _feed(process: asyncssh.SSHServerProcess[bytes], stdin: asyncio.StreamWriter) -> None:
    try:
        while chunk := await process.stdin.read(CHUNK_BYTES):
            stdin.write(chunk)
            await stdin.drain()
    except (OSError, asyncssh.Error):
        pass
    stdin.close()
