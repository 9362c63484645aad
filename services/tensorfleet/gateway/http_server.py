"""uvicorn inside our own process: our signals, our socket, our stop."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from tensorfleet.shared.addresses import split_address
from tensorfleet.shared.errors import InvalidInput

TICK_SECONDS = 1.0
# Longer than the idle time of usual clients and proxies, so that they close first.
KEEP_ALIVE_SECONDS = 75
BACKLOG = 2048


class _Server(uvicorn.Server):
    """Leaves signals to `run_service`, and wakes up once a second instead of ten times."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stop = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        while not self.stop.is_set():
            await self.on_tick(0)  # sets the Date header
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self.stop.wait()
            except TimeoutError:
                continue


@asynccontextmanager
async def http_server_started(app: Any, listen: str, grace_seconds: float) -> AsyncIterator[int]:
    """Serves an ASGI application on `host:port` while the block runs; yields the port.

    After the block no connection is accepted, and requests under way have the grace to finish.

    Raises:
        InvalidInput: The address cannot be listened on.
    """
    listener = open_listener(listen)
    server = _Server(
        uvicorn.Config(
            app,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            log_level="warning",
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=max(1, round(grace_seconds)),
        )
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.stop.set()


def open_listener(listen: str) -> socket.socket:
    """A listening socket at `host:port`.

    Raises:
        InvalidInput: The address cannot be listened on.
    """
    host, port = split_address(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol given: asyncio turns Nagle's algorithm off only where it reads TCP here, and
    # with it on, every answer (head and body are two writes) waits 40 ms for the client's ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as exc:
        listener.close()
        raise InvalidInput(f"cannot listen on {listen}: {exc.strerror or exc}") from exc
    return listener
