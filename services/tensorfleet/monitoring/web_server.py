"""waitress in a thread beside the event loop."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import waitress
from waitress import wasyncore

from tensorfleet.shared.addresses import split_address
from tensorfleet.shared.errors import InvalidInput

THREADS = 2
TICK_SECONDS = 1.0


@contextmanager
def web_served(web: Any, listen: str) -> Iterator[int]:
    """Serves a WSGI application on `host:port` (port 0: any) from a thread; yields the port.

    Raises:
        InvalidInput: The address cannot be listened on.
    """
    listener = _listen(listen)
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
    stop = threading.Event()

    def serve() -> None:
        # Not server.run(): nothing but its own thread could end that one.
        while not stop.is_set():
            wasyncore.loop(timeout=TICK_SECONDS, use_poll=True, map=connections, count=1)
        server.task_dispatcher.shutdown()
        wasyncore.close_all(connections)

    thread = threading.Thread(target=serve, name="web")
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stop.set()
        server.pull_trigger()
        thread.join()


def _listen(listen: str) -> socket.socket:
    host, port = split_address(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as exc:
        raise InvalidInput(f"cannot listen on {listen}: {exc.strerror or exc}") from exc
