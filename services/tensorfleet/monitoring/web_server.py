"""waitress in a thread beside the event loop."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import waitress
from waitress import wasyncore

from tensorfleet.shared.listener import open_listener

THREADS = 2
TICK_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServer:
    """A running server."""

    port: int
    failure: "asyncio.Future[None]"
    """Gets the exception that ended the server's thread, if one ever does."""

    async def watch(self) -> None:
        """Waits for ever; raises what ended the server's thread."""
        await self.failure


@contextmanager
def web_served(web: Any, listen: str) -> Iterator[WebServer]:
    """Serves a WSGI application on `host:port` (port 0: any) from a thread.

    Raises:
        InvalidInput: The address cannot be listened on.
    """
    listener = open_listener(listen)
    connections: dict[int, Any] = {}
    server = waitress.create_server(
        web,
        map=connections,
        sockets=[listener],
        threads=THREADS,
        ident=None,
        asyncore_use_poll=True,
        max_request_body_size=1024 * 1024,
        clear_untrusted_proxy_headers=True,
    )
    loop = asyncio.get_running_loop()
    running = WebServer(port=listener.getsockname()[1], failure=loop.create_future())
    stop = threading.Event()

    def serve() -> None:
        try:
            # Not server.run(): nothing but its own thread could end that one.
            while not stop.is_set():
                wasyncore.loop(timeout=TICK_SECONDS, use_poll=True, map=connections, count=1)
        except Exception as exc:  # noqa: BLE001  told to the loop, which ends the service
            loop.call_soon_threadsafe(running.failure.set_exception, exc)
        finally:
            server.task_dispatcher.shutdown()
            wasyncore.close_all(connections)

    thread = threading.Thread(target=serve, name="web")
    thread.start()
    try:
        yield running
    finally:
        stop.set()
        server.pull_trigger()
        thread.join()
