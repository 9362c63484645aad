import asyncio
import socket
from itertools import pairwise
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tensorfleet.kinds.loadtest.monitors.ssh import SshSource
from tensorfleet.kinds.loadtest.monitors.ssh_address import SshAddress
from tests.deadlines import eventually
from tests.integration.kinds.loadtest.monitors.sinks import (
    INTERVAL_SECONDS,
    Sink,
    assert_is_this_machine,
    running_clock,
    watching,
)
from tests.integration.kinds.loadtest.monitors.ssh_server import (
    PASSWORD,
    USER,
    SshServer,
    ssh_server,
)


@pytest.fixture
def known_hosts(tmp_path: Path) -> Path:
    return tmp_path / "known_hosts"


def source_at(port: int, known_hosts: Path, **options: Any) -> SshSource:
    fields: dict[str, Any] = {
        "clock": running_clock(),
        "interval_seconds": INTERVAL_SECONDS,
        "known_hosts": known_hosts,
        "first_retry_seconds": 0.05,
    }
    return SshSource(SshAddress(user=USER, host="127.0.0.1", port=port), **(fields | options))


def source_of(server: SshServer, known_hosts: Path, **options: Any) -> SshSource:
    server.write_known_hosts(known_hosts)
    return source_at(server.port, known_hosts, **({"password": PASSWORD} | options))


async def problem_of(source: SshSource) -> str:
    """The problem of a source that gives up."""
    sink = Sink()
    async with asyncio.timeout(10):
        await source.watch(sink)
    assert sink.is_settled
    assert sink.samples == []
    (problem,) = sink.problems
    return problem


async def test_machine_is_watched_with_a_password(known_hosts: Path) -> None:
    clock = running_clock()
    async with ssh_server() as server:
        source = source_of(server, known_hosts, clock=clock, process_names=("sh", "none such"))
        async with watching(source) as sink:
            await eventually(sink.has(4))
            ended_at = clock()
    assert sink.problems == []
    for sample in sink.samples:
        assert_is_this_machine(sample)
        assert sample.ping_seconds is not None
        assert sample.ping_seconds > 0.0
    assert sink.core_count == len(sink.samples[0].cores)
    # On the load's clock, though the machine counts from its own start.
    assert all(0.0 < sample.at < ended_at + 0.02 for sample in sink.samples)
    shell, absent = sink.samples[0].processes
    assert shell.count >= 1
    assert absent.count == 0


async def test_samples_lie_on_the_machines_own_grid(known_hosts: Path) -> None:
    async with ssh_server() as server, watching(source_of(server, known_hosts)) as sink:
        await eventually(sink.has(6))
    times = [sample.at for sample in sink.samples]
    # A sample may come late on a busy machine, and then the next one does not come later for it.
    gaps = [after - before for before, after in pairwise(times)]
    assert all(gap > 0.0 for gap in gaps)
    assert sum(gaps) >= (len(gaps) - 1) * INTERVAL_SECONDS


async def test_machine_is_watched_with_a_key(known_hosts: Path, tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    key_file = tmp_path / "key"
    key.write_private_key(key_file)
    async with ssh_server(client_key=key) as server:
        source = source_of(server, known_hosts, password=None, key_file=key_file)
        async with watching(source) as sink:
            await eventually(sink.has(1))


async def test_password_opens_a_key_that_has_one(known_hosts: Path, tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    key_file = tmp_path / "key"
    key.write_private_key(key_file, "pkcs8-pem", passphrase="open sesame")
    async with ssh_server(client_key=key) as server:
        source = source_of(server, known_hosts, password="open sesame", key_file=key_file)
        async with watching(source) as sink:
            await eventually(sink.has(1))
        closed = source_of(server, known_hosts, password=None, key_file=key_file)
        assert "give it as `password`" in await problem_of(closed)


async def test_wrong_password_is_told_and_not_tried_again(known_hosts: Path) -> None:
    async with ssh_server() as server:
        problem = await problem_of(source_of(server, known_hosts, password="wrong"))
        assert problem.startswith(f"{server.address} refused the user or the password or key.")
        assert "wrong" not in problem
        assert server.logins == 0
        assert len(server.connections) == 1


async def test_wrong_key_is_told(known_hosts: Path, tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(key_file)
    async with ssh_server(client_key=asyncssh.generate_private_key("ssh-ed25519")) as server:
        source = source_of(server, known_hosts, password=None, key_file=key_file)
        assert "refused the user or the password or key" in await problem_of(source)


@pytest.mark.parametrize("content", [None, "this is no key\n"])
async def test_unusable_key_file_is_told(
    known_hosts: Path, tmp_path: Path, content: str | None
) -> None:
    key_file = tmp_path / "key"
    if content is not None:
        key_file.write_text(content)
    source = source_at(1, known_hosts, key_file=key_file)
    assert str(key_file) in await problem_of(source)


async def test_unknown_host_key_is_refused_before_the_password_is_sent(known_hosts: Path) -> None:
    async with ssh_server() as server:
        source = source_at(server.port, known_hosts, password=PASSWORD)
        for content in (None, ""):
            if content is not None:
                known_hosts.write_text(content)
            problem = await problem_of(source)
            assert problem.startswith(f"The host key of {server.address} is not in {known_hosts}")
            assert problem.endswith(f"ssh-keyscan -p {server.port} 127.0.0.1 >> {known_hosts}")
        assert server.logins == 0


@pytest.mark.parametrize(
    ("algorithm", "told"),
    [
        ("ssh-ed25519", "is not the one that .* has: .* ssh-keygen -R '.127.0.0.1.:"),
        ("ecdsa-sha2-nistp256", "no host key of a kind that .* has"),
    ],
)
async def test_changed_host_key_is_refused(known_hosts: Path, algorithm: str, told: str) -> None:
    async with ssh_server() as server:
        server.write_known_hosts(known_hosts, asyncssh.generate_private_key(algorithm))
        problem = await problem_of(source_at(server.port, known_hosts, password=PASSWORD))
        assert server.logins == 0
    with pytest.raises(ValueError, match=told):
        raise ValueError(problem)


async def test_machine_that_comes_later_is_watched_from_then_on(known_hosts: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        port = taken.getsockname()[1]
        async with watching(source_at(port, known_hosts, password=PASSWORD)) as sink:
            await eventually(lambda: len(sink.problems) >= 2)
            assert sink.is_settled
            taken.close()
            async with ssh_server(port=port) as server:
                server.write_known_hosts(known_hosts)
                await eventually(sink.has(1))
    assert f"{USER}@127.0.0.1:{port} refused the connection; trying again." in sink.problems[0]


async def test_hanging_handshake_is_given_up(known_hosts: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        source = source_at(port, known_hosts, password=PASSWORD, timeout_seconds=0.2)
        async with watching(source) as sink:
            await eventually(lambda: bool(sink.problems))
    assert "did not answer within 0.2 s; trying again" in sink.problems[0]


async def test_server_that_speaks_no_ssh_is_told(known_hosts: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 2000)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with watching(source_at(port, known_hosts, password=PASSWORD)) as sink:
            await eventually(lambda: bool(sink.problems))
    assert "trying again" in sink.problems[0] or "connecting again" in sink.problems[0]


async def test_lost_connection_is_told_and_made_again(known_hosts: Path) -> None:
    async with ssh_server() as server:
        async with watching(source_of(server, known_hosts)) as sink:
            await eventually(sink.has(2))
            server.cut()
            await eventually(lambda: server.logins == 2)
            seen = len(sink.samples)
            await eventually(sink.has(seen + 2))
        assert "was lost" in sink.problems[0]
        assert "connecting again" in sink.problems[0]
        times = [sample.at for sample in sink.samples]
        assert times == sorted(times)


async def test_script_ends_when_nobody_reads_it(known_hosts: Path) -> None:
    async with ssh_server() as server:
        async with watching(source_of(server, known_hosts)) as sink:
            await eventually(sink.has(1))
        children = list(server.children)
        assert len(children) == 2
        await eventually(lambda: all(child.returncode is not None for child in children))


async def test_greetings_of_a_login_shell_do_no_harm(known_hosts: Path, tmp_path: Path) -> None:
    shell = tmp_path / "shell"
    shell.write_text('#!/bin/sh\necho "Welcome: 1 2 3"\necho\nexec /bin/sh "$@"\n')
    shell.chmod(0o700)
    async with (
        ssh_server(login_shell=(str(shell), "-c")) as server,
        watching(source_of(server, known_hosts)) as sink,
    ):
        await eventually(sink.has(1))
    assert sink.problems == []


async def test_machine_that_gives_no_shell_is_told(known_hosts: Path, tmp_path: Path) -> None:
    shell = tmp_path / "shell"
    shell.write_text("#!/bin/sh\necho This account is currently not available.\n")
    shell.chmod(0o700)
    async with (
        ssh_server(login_shell=(str(shell), "-c")) as server,
        watching(source_of(server, known_hosts)) as sink,
    ):
        await eventually(lambda: bool(sink.problems))
    assert "“This account is currently not available.”" in sink.problems[0]
