"""uvicorn inside our own process: our signals, our socket, our stop."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from tensorfleet.gateway.websocket_protocol import WebSocketProtocol
from tensorfleet.shared.listener import BACKLOG, open_listener
from tensorfleet.shared.rest.socket import MAX_MESSAGE_BYTES

TICK_SECONDS = 1.0
# Longer than the idle time of usual clients and proxies, so that they close first.
KEEP_ALIVE_SECONDS = 75


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
async def http_server_started(
    app: Any,
    listen: str,
    grace_seconds: float,
    *,
    reader_patience_seconds: float = 30.0,
) -> AsyncIterator[int]:
    """Serves an ASGI application on `host:port` while the block runs; yields the port.

    After the block no connection is accepted, and requests under way have the grace to finish.

    Args:
        reader_patience_seconds: A WebSocket whose client takes nothing for so long is closed.

    Raises:
        InvalidInput: The address cannot be listened on.
    """
    listener = open_listener(listen)
    server = _Server(
        uvicorn.Config(
            app,
            loop="none",
            http="httptools",
            ws=WebSocketProtocol,
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_ping_timeout=reader_patience_seconds,
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
