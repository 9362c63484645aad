"""The target app: a small web server to try load tests on, with work whose cost is known.

`/fibonacci/N` and `/bubble-sort/N` compute for real, one request at a time for each process, and
report their processing span in `Server-Timing`; `/ok` answers at once; `/sleep/MS` answers after a
pause, any number at a time; `/queue/MS` lets one pass every MS milliseconds, which makes its
capacity exact: 1000 / MS requests a second. `/login` and `/orders` are for cases of several steps.
"""

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from tensorfleet.kinds.loadtest.cases.target_protocol import TargetProtocol, WorkLine
from tensorfleet.shared.errors import InvalidInput, Unavailable

_BACKLOG = 4096
"""Connections that wait to be accepted; the system's own bound is often lower."""
_START_SECONDS = 30.0
_MAX_PROCESSES = 256


async def serve(
    host: str,
    port: int,
    *,
    processes: int = 1,
    shares_port: bool = False,
    ready: Callable[[int], None] | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM, or until the calling task is cancelled.

    Installs handlers of these signals in the running loop meanwhile, so it belongs in a main
    thread. It is about twice as fast on uvloop.

    Args:
        port: 0 takes any free one.
        processes: So many share the port; the system spreads connections over them.
        shares_port: Whether other processes may listen on it, too; so they do with `processes`.
        ready: Called with the port when all of them listen.

    Raises:
        InvalidInput: The port or the number of processes is out of range.
        Unavailable: The address cannot be listened on, or a process ended.
    """
    if not 1 <= processes <= _MAX_PROCESSES:
        raise InvalidInput(f"the target runs in 1 to {_MAX_PROCESSES} processes, not {processes}")
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stopped.set)
    try:
        async with AsyncExitStack() as stack:
            bound = await stack.enter_async_context(
                listening(host, port, shares_port=shares_port or processes > 1)
            )
            children = [
                await stack.enter_async_context(_sibling(host, bound)) for _ in range(processes - 1)
            ]
            if ready is not None:
                ready(bound)
            await _until(stopped, children)
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


@asynccontextmanager
async def listening(host: str, port: int, *, shares_port: bool = False) -> AsyncIterator[int]:
    """The target app in this process, on the running loop; gives its port.

    Raises:
        InvalidInput: The port is out of range.
        Unavailable: The address cannot be listened on.
    """
    if not 0 <= port <= 65535:
        raise InvalidInput(f"ports go from 0 to 65535; {port} is none")
    line = WorkLine()
    connections: set[TargetProtocol] = set()
    try:
        server = await asyncio.get_running_loop().create_server(
            lambda: TargetProtocol(line, connections),
            host,
            port,
            backlog=_BACKLOG,
            reuse_port=shares_port or None,
        )
    except OSError as exc:
        raise Unavailable(f"the target cannot listen on {host}:{port}: {exc}") from exc
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in list(connections):
            connection.close()
        await server.wait_closed()


@asynccontextmanager
async def _sibling(host: str, port: int) -> AsyncIterator[Process]:
    """A further process on the same port, once it listens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tensorfleet.kinds.loadtest.cases.target_process",
        host,
        str(port),
        stdin=DEVNULL,
        stdout=PIPE,
    )
    try:
        try:
            async with asyncio.timeout(_START_SECONDS):
                line = await process.stdout.readline() if process.stdout else b""
        except TimeoutError:
            line = b""
        if not line:
            raise Unavailable("a process of the target did not start; what it said is above")
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _until(stopped: asyncio.Event, children: list[Process]) -> None:
    waits = [asyncio.ensure_future(child.wait()) for child in children]
    stopping = asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait({stopping, *waits}, return_when=asyncio.FIRST_COMPLETED)
        if not stopped.is_set():
            raise Unavailable("a process of the target has ended, so its capacity has changed")
    finally:
        for wait in (stopping, *waits):
            wait.cancel()
        await asyncio.wait({stopping, *waits})
