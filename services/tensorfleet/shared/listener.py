"""Listening sockets of HTTP servers, opened by ourselves so that port 0 and errors are ours."""

import socket

from tensorfleet.shared.addresses import split_address
from tensorfleet.shared.errors import InvalidInput

BACKLOG = 2048


def open_listener(listen: str) -> socket.socket:
    """A listening TCP socket at `host:port`; port 0 takes any free one.

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
