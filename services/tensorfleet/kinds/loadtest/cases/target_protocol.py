"""One connection of the target app: as much of HTTP/1.1 as a load test needs, and quick."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import cast

from tensorfleet.kinds.loadtest.cases import target_work
from tensorfleet.shared.errors import InvalidInput

_MAX_HEAD_BYTES = 16 * 1024
_MAX_WAITING_BYTES = 256 * 1024
"""Pipelined requests behind one that takes its time; over it, the connection is read no further."""
_MAX_BODY_BYTES = 16 * 1024 * 1024
_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
}
_METHODS = ("GET", "HEAD", "POST", "PUT")
_TOKEN = "let-me-in"  # noqa: S105  the target app has nothing to protect
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
_OK_REQUEST = b"GET /ok HTTP/1.1\r\n"


_TURNS = 3
"""Of the event loop between two tasks: one to see what came meanwhile, one to read it, and one to
act on it."""


class WorkLine:
    """One task after another, in the order of arrival. The event loop turns between them, so that
    those of clients who have gone meanwhile are left out."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[[], bool], Callable[[], None]]] = deque()
        self._is_running = False
        self._free_at = 0.0

    def add(self, is_wanted: Callable[[], bool], work: Callable[[], None]) -> None:
        """Does the work later, if it is wanted then."""
        self._waiting.append((is_wanted, work))
        if not self._is_running:
            self._is_running = True
            self._after_turns(_TURNS)

    def add_pause(self, seconds: float, then: Callable[[], None]) -> None:
        """Calls `then` after all earlier pauses and this one."""
        loop = asyncio.get_running_loop()
        self._free_at = max(self._free_at, loop.time()) + seconds
        loop.call_at(self._free_at, then)

    def _next(self) -> None:
        while self._waiting:
            is_wanted, work = self._waiting.popleft()
            if is_wanted():
                work()
                break
        self._is_running = bool(self._waiting)
        if self._is_running:
            self._after_turns(_TURNS)

    def _after_turns(self, turns: int) -> None:
        loop = asyncio.get_running_loop()
        if turns > 1:
            loop.call_soon(self._after_turns, turns - 1)
        else:
            loop.call_soon(self._next)


class TargetProtocol(asyncio.Protocol):
    """Answers requests one after another, as HTTP/1.1 wants it."""

    def __init__(self, line: WorkLine, connections: set["TargetProtocol"]) -> None:
        self._line = line
        self._connections = connections
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._body_bytes = 0
        """Of the present request's body, still to come."""
        self._is_busy = False
        self._is_last = False
        self._is_head = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio.Protocol."""
        # uvloop's transports are not derived from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of asyncio.Protocol."""
        self._transport = None
        self._connections.discard(self)

    def close(self) -> None:
        """Ends the connection; what is still to be computed for it is left out."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Part of asyncio.Protocol."""
        self._buffer = self._buffer + data if self._buffer else data
        if self._is_busy:
            if len(self._buffer) > _MAX_WAITING_BYTES and self._transport is not None:
                self._transport.pause_reading()
            return
        self._read_requests()

    def _read_requests(self) -> None:
        while self._buffer and not self._is_busy and self._transport is not None:
            if self._body_bytes:
                taken = min(self._body_bytes, len(self._buffer))
                self._body_bytes -= taken
                self._buffer = self._buffer[taken:]
                continue
            end = self._buffer.find(b"\r\n\r\n")
            if end > _MAX_HEAD_BYTES or (end < 0 and len(self._buffer) > _MAX_HEAD_BYTES):
                self._refuse(431, "the head of the request is too large")
                return
            if end < 0:
                return
            head, self._buffer = self._buffer[: end + 2], self._buffer[end + 4 :]
            self._serve(head)

    def _serve(self, head: bytes) -> None:
        headers = head.lower()
        if head.startswith(_OK_REQUEST) and b"\r\nco" not in headers and self._transport:
            # Without Content-Length and Connection: what a load generator mostly sends.
            self._transport.write(_OK)
            return
        try:
            method, path, version = head[: head.index(b"\r\n")].decode("ascii").split(" ")
            length = int(_header(headers, b"content-length") or b"0")
        except ValueError:
            self._refuse(400, "this is no HTTP/1.1 request")
            return
        connection = _header(headers, b"connection")
        self._is_last = connection == b"close" or version == "HTTP/1.0"
        self._is_head = method == "HEAD"
        if b"\r\ntransfer-encoding:" in headers:
            self._refuse(411, "send a Content-Length instead of chunks")
        elif not 0 <= length <= _MAX_BODY_BYTES:
            self._refuse(413, "the body is too large")
        elif method not in _METHODS:
            self._refuse(405, f"use one of {', '.join(_METHODS)}")
        else:
            self._body_bytes = length
            if length and _header(headers, b"expect") == b"100-continue" and self._transport:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._route(path.partition("?")[0], headers)

    def _route(self, path: str, headers: bytes) -> None:
        _, _, rest = path.partition("/")
        task, _, argument = rest.partition("/")
        if target_work.is_task(task):
            self._is_busy = True
            self._line.add(self._is_wanted, lambda: self._compute(task, argument))
        elif task in ("sleep", "queue"):
            self._pause(task, argument)
        elif path == "/health":
            self._answer(200, '{"status":"ok"}')
        elif path == "/ok":
            self._answer(200, "ok", kind="text/plain")
        elif path == "/login":
            self._answer(200, json.dumps({"token": _TOKEN}))
        elif path == "/orders":
            if _header(headers, b"authorization") == f"bearer {_TOKEN}".encode():
                self._answer(200, '{"orders":[{"id":1},{"id":2}]}')
            else:
                self._answer(401, _problem("log in at /login and send its token as Bearer"))
        else:
            self._answer(404, _problem("there are /ok, /health, /fibonacci/N, /bubble-sort/N, ..."))

    def _is_wanted(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def _compute(self, task: str, argument: str) -> None:
        try:
            body, seconds = target_work.compute(task, argument)
        except InvalidInput as exc:
            self._resume(400, _problem(str(exc)))
        else:
            self._resume(200, body, span=f"Server-Timing: processing;dur={seconds * 1e3:.6f}\r\n")

    def _pause(self, task: str, argument: str) -> None:
        try:
            milliseconds = target_work.milliseconds(argument)
        except InvalidInput as exc:
            self._answer(400, _problem(str(exc)))
            return
        self._is_busy = True
        seconds = milliseconds / 1e3
        span = f"Server-Timing: processing;dur={milliseconds:.6f}\r\n"
        if task == "queue":
            self._line.add_pause(seconds, lambda: self._resume(200, "{}", span=span))
        else:
            loop = asyncio.get_running_loop()
            loop.call_later(seconds, lambda: self._resume(200, "{}", span=span))

    def _resume(self, status: int, body: str, *, span: str = "") -> None:
        """Answers what took its time, and reads what came meanwhile."""
        if self._transport is None:
            return
        self._answer(status, body, span=span)
        self._is_busy = False
        self._transport.resume_reading()
        self._read_requests()

    def _refuse(self, status: int, message: str) -> None:
        self._is_last = True
        self._answer(status, _problem(message))

    def _answer(
        self, status: int, body: str, *, kind: str = "application/json", span: str = ""
    ) -> None:
        if self._transport is None:
            return
        content = body.encode()
        close = "Connection: close\r\n" if self._is_last else ""
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {len(content)}\r\n{span}{close}\r\n"
        )
        self._transport.write(head.encode() + (b"" if self._is_head else content))
        if self._is_last:
            self._transport.close()
            self._transport = None


def _header(headers: bytes, name: bytes) -> bytes:
    """A header's value, from a head in lower case; empty without it."""
    start = headers.find(b"\r\n" + name + b":")
    if start < 0:
        return b""
    start += len(name) + 3
    return headers[start : headers.index(b"\r\n", start)].strip()


def _problem(message: str) -> str:
    return json.dumps({"error": message})
