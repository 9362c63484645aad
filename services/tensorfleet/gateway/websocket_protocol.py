"""WebSocket connections for uvicorn: the handshake, back-pressure, signs of life, a clean end.

Written for one use: a client sends short texts, and the server many that must not pile up. So a
client that does not read is not read from either, and is closed when it takes nothing for a while.
"""

import asyncio
from collections import deque
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import structlog
import uvicorn
from uvicorn.protocols.utils import ClientDisconnected, get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState

from tensorfleet.gateway.websocket_frames import (
    CloseCode,
    MessageReader,
    Opcode,
    ProtocolError,
    accept_key,
    encode_close,
    encode_frame,
    read_close,
    read_text,
)

# How long the other side may take to answer a close frame and what was sent before it.
CLOSE_SECONDS = 10.0
# Messages of the client that wait for the application.
MAX_WAITING_MESSAGES = 8

Headers = list[tuple[bytes, bytes]]

log = structlog.get_logger(__name__)


class WebSocketProtocol(asyncio.Protocol):
    """One connection. Takes `ws_max_size` and `ws_ping_timeout` from uvicorn's configuration.

    A client that takes nothing for `ws_ping_timeout` is closed with `SLOW_READER`; one that is
    silent for that long is pinged, and dropped when it is for twice as long.
    """

    def __init__(
        self, config: uvicorn.Config, server_state: ServerState, app_state: dict[str, Any]
    ) -> None:
        self._app = config.loaded_app
        self._root_path = config.root_path
        self._state = server_state
        self._app_state = app_state
        self._patience_seconds = config.ws_ping_timeout or CLOSE_SECONDS
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._reader = MessageReader(config.ws_max_size)
        self._accept_key = b""
        self._is_open = False
        self._is_connect_told = False
        self._end: tuple[int, str] | None = None
        """Code and reason, once no further message goes out."""
        self._messages: deque[str] = deque()
        self._arrived = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._heard_at = self._taken_at = self._loop.time()
        self._left_bytes = 0
        self._timer: asyncio.TimerHandle | None = None

    # What the transport and the server call.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  narrows the type
        self._transport = transport
        self._state.connections.add(self)  # type: ignore[arg-type]

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._state.connections.discard(self)
        self._stop_timer()
        self._no_more(CloseCode.ABNORMAL, "")

    def shutdown(self) -> None:
        """Ends the connection, because the server stops."""
        if self._is_open:
            self._close(CloseCode.SERVICE_RESTART, "the gateway stops; connect again")
        else:
            self._transport.close()

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self._writable.clear()
        self._left_bytes = self._transport.get_write_buffer_size()
        self._taken_at = self._loop.time()
        self._read_or_not()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._writable.set()
        self._read_or_not()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol. The first bytes are the head of the request, put together."""
        self._heard_at = self._loop.time()
        if not self._accept_key:
            self._greet(data)
            return
        try:
            for message in self._reader.feed(data):
                self._take(message.opcode, message.payload)
        except ProtocolError as exc:
            self._close(exc.code, str(exc))

    # The handshake

    def _greet(self, head: bytes) -> None:
        request, *lines = head.split(b"\r\n")
        method, target, _ = request.split(b" ", 2)
        headers = [(name.lower(), value) for name, _, value in (x.partition(b": ") for x in lines)]
        given = dict(headers)
        if method != b"GET" or given.get(b"sec-websocket-version") != b"13":
            self._refuse(HTTPStatus.UPGRADE_REQUIRED, b"sec-websocket-version: 13\r\n")
            return
        try:
            self._accept_key = accept_key(given.get(b"sec-websocket-key", b""))
        except ValueError:
            self._refuse(HTTPStatus.BAD_REQUEST)
            return
        path, _, query = target.partition(b"?")
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if is_ssl(self._transport) else "ws",
            "server": get_local_addr(self._transport),
            "client": get_remote_addr(self._transport),
            "root_path": self._root_path,
            "path": self._root_path + unquote(path.decode("ascii")),
            "raw_path": self._root_path.encode() + path,
            "query_string": query,
            "headers": [entry for entry in headers if entry[0]],
            "subprotocols": [],
            "state": self._app_state.copy(),
            "extensions": {},
        }
        task = self._loop.create_task(self._run(scope))
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    def _refuse(self, status: HTTPStatus, headers: bytes = b"") -> None:
        self._transport.write(
            b"HTTP/1.1 %d %s\r\n%sconnection: close\r\ncontent-length: 0\r\n\r\n"
            % (status, status.phrase.encode(), headers)
        )
        self._no_more(CloseCode.ABNORMAL, "")
        self._transport.close()

    # Frames of the client

    def _take(self, opcode: Opcode, payload: bytes) -> None:
        if opcode is Opcode.CLOSE:
            code, reason = read_close(payload)
            if self._end is None:
                answer = CloseCode.NORMAL if code == CloseCode.NO_STATUS else code
                self._transport.write(encode_close(answer, ""))
                self._no_more(code, reason)
            self._start_timer(CLOSE_SECONDS, self._transport.abort)
            self._transport.close()
        elif self._end is not None:
            return
        elif opcode is Opcode.PING:
            self._transport.write(encode_frame(Opcode.PONG, payload))
        elif opcode is Opcode.TEXT:
            self._messages.append(read_text(payload))
            self._arrived.set()
            self._read_or_not()
        elif opcode is Opcode.BINARY:
            raise ProtocolError(CloseCode.UNSUPPORTED, "send text, not binary")

    def _read_or_not(self) -> None:
        """Reads only while there is room for what comes, and for the answers to it."""
        is_waiting = len(self._messages) >= MAX_WAITING_MESSAGES or not self._writable.is_set()
        if is_waiting and self._end is None:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    # The end

    def _close(self, code: int, reason: str) -> None:
        """Says that it ends, and gives the other side some time to say so, too."""
        if self._end is None:
            self._transport.write(encode_close(code, reason))
            self._no_more(code, reason)
            self._start_timer(CLOSE_SECONDS, self._transport.abort)

    def _no_more(self, code: int, reason: str) -> None:
        if self._end is None:
            self._end = (code, reason)
        self._arrived.set()
        self._writable.set()
        if not self._transport.is_closing():
            self._read_or_not()

    # Signs of life

    def _look(self) -> None:
        now = self._loop.time()
        self._start_timer(self._patience_seconds / 4, self._look)
        if not self._writable.is_set():
            left_bytes = self._transport.get_write_buffer_size()
            if left_bytes < self._left_bytes:
                self._left_bytes, self._taken_at = left_bytes, now
            elif now - self._taken_at >= self._patience_seconds:
                log.info("slow reader closed", seconds=self._patience_seconds)
                self._close(CloseCode.SLOW_READER, "nothing was taken for too long; resume later")
            self._heard_at = now  # nothing of it is read meanwhile
        elif now - self._heard_at >= 2 * self._patience_seconds:
            self._transport.abort()
        elif now - self._heard_at >= self._patience_seconds:
            self._transport.write(encode_frame(Opcode.PING, b""))

    def _start_timer(self, seconds: float, call: Any) -> None:
        self._stop_timer()
        self._timer = self._loop.call_later(seconds, call)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    # What the application calls.

    async def _run(self, scope: dict[str, Any]) -> None:
        try:
            await self._app(scope, self._receive, self._send)
        except ClientDisconnected:
            return
        except Exception as exc:
            log.error("connection failed unexpectedly", exc_info=exc)
        finally:
            if self._is_open:
                self._close(CloseCode.INTERNAL_ERROR, "internal error")
            elif self._end is None:
                self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR)

    async def _receive(self) -> dict[str, Any]:
        """See ASGI. One caller at a time."""
        if not self._is_connect_told:
            self._is_connect_told = True
            return {"type": "websocket.connect"}
        while not self._messages:
            if self._end is not None:
                code, reason = self._end
                return {"type": "websocket.disconnect", "code": code, "reason": reason}
            self._arrived.clear()
            await self._arrived.wait()
        text = self._messages.popleft()
        if self._end is None:
            self._read_or_not()
        return {"type": "websocket.receive", "text": text}

    async def _send(self, message: dict[str, Any]) -> None:
        """See ASGI. Returns once there is room for another message."""
        if message["type"] == "websocket.close":
            if self._is_open:
                self._close(message.get("code") or CloseCode.NORMAL, message.get("reason") or "")
            elif self._end is None:
                self._refuse(HTTPStatus.FORBIDDEN)
            return
        while not self._writable.is_set():
            await self._writable.wait()
        if self._end is not None:
            raise ClientDisconnected
        if message["type"] == "websocket.accept":
            self._accept(list(message.get("headers") or []))
        else:
            self._transport.write(encode_frame(Opcode.TEXT, message["text"].encode()))

    def _accept(self, headers: Headers) -> None:
        self._is_open = True
        head = [
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n",
            b"sec-websocket-accept: %s\r\n" % self._accept_key,
            *(b"%s: %s\r\n" % header for header in [*self._state.default_headers, *headers]),
            b"\r\n",
        ]
        self._transport.write(b"".join(head))
        self._look()
