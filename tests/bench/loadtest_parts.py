"""What the benchmark of load tests starts: nginx, servers of known times, generators, peers."""

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from tensorfleet.kinds.loadtest.arrivals import Arrivals
from tensorfleet.local.free_ports import free_ports
from tests.bench.bench_process import tied_process
from tests.bench.figures import FOLDER
from tests.bench.loadtest_generator import Outcome

GENERATOR_CORE, SERVER_CORE = 0, 1
START_SECONDS = 20.0
LOGS = FOLDER / "peers"
NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "ok"; }} }}
}}
"""


def needed(program: str) -> str:
    """The path of a program of the system."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if found is None:
        sys.exit(f"the benchmark of load tests needs {program}: apt-get install nginx wrk")
    return found


@asynccontextmanager
async def nginx() -> AsyncIterator[str]:
    """The URL of an nginx on the server's core that answers two bytes from memory."""
    (port,) = free_ports(1)
    with TemporaryDirectory() as folder:
        config = Path(folder) / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, port=port))
        async with tied_process(
            *(needed("taskset"), "-c", str(SERVER_CORE)),
            *(needed("nginx"), "-c", config),
            environment={"PATH": os.environ["PATH"]},
            log_path=LOGS / "nginx.log",
        ):
            await _wait_until_open(port)
            yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def known_server(mode: str, *numbers: float) -> AsyncIterator[str]:
    """The URL of a `known_server`."""
    async with tied_process(
        *(sys.executable, "-m", "tests.bench.known_server", mode, str(SERVER_CORE)),
        *(f"{number:g}" for number in numbers),
        environment=dict(os.environ),
        log_path=LOGS / "known_server.log",
        is_talkative=True,
    ) as process:
        assert process.stdout is not None
        port = int(await process.stdout.readline())
        yield f"http://127.0.0.1:{port}"


class PinnedGenerator:
    """One of our generators, on its core."""

    def __init__(self, process: Process) -> None:
        self._process = process

    async def run(self, arrivals: Arrivals) -> Outcome:
        """One point."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(arrivals) + b"\n")
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("the generator ended")
        return msgspec.json.decode(line, type=Outcome)


@asynccontextmanager
async def generator(url: str, connections: int, path: str = "/") -> AsyncIterator[PinnedGenerator]:
    """A generator for the block."""
    async with tied_process(
        *(sys.executable, "-m", "tests.bench.loadtest_generator", url, path),
        *(str(connections), str(GENERATOR_CORE)),
        environment=dict(os.environ),
        log_path=LOGS / "generator.log",
        is_talkative=True,
    ) as process:
        yield PinnedGenerator(process)


async def output_of(*command: str | Path, folder: Path | None = None) -> str:
    """What a program prints, pinned to the generator's core."""
    process = await create_subprocess_exec(
        *(needed("taskset"), "-c", str(GENERATOR_CORE)),
        *map(str, command),
        stdout=PIPE,
        stderr=PIPE,
        cwd=folder,
        env={**os.environ, "LC_ALL": "C"},
    )
    out, errors = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed: {errors.decode(errors='replace')[-2000:]}")
    return out.decode()


async def _wait_until_open(port: int) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
