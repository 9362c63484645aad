"""A small WebSocket client (RFC 6455), which can also break the rules and stop reading."""

import asyncio
import base64
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

SECONDS = 5.0
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Closed(Exception):
    """The server ended the connection."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class WebSocketClient:
    """One connection after its handshake."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.pings = 0

    def send_frame(self, opcode: int, payload: bytes, *, is_final: bool = True) -> None:
        """A frame with a random mask."""
        size, mask = len(payload), os.urandom(4)
        head = bytes((is_final << 7 | opcode,))
        if size < 126:
            head += bytes((0x80 | size,))
        elif size < 65536:
            head += bytes((0x80 | 126,)) + size.to_bytes(2, "big")
        else:
            head += bytes((0x80 | 127,)) + size.to_bytes(8, "big")
        masked = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
        self._writer.write(head + mask + masked)

    def send(self, **message: Any) -> None:
        """A message."""
        self.send_frame(TEXT, json.dumps(message).encode())

    def send_raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self._writer.write(data)

    async def frame(self) -> tuple[int, bytes]:
        """The next frame, whatever it is."""
        first, second = await self._reader.readexactly(2)
        assert first & 0xF0 == 0x80
        assert not second & 0x80, "a server must not mask"
        size = second
        if size == 126:
            size = int.from_bytes(await self._reader.readexactly(2), "big")
        elif size == 127:
            size = int.from_bytes(await self._reader.readexactly(8), "big")
        return first & 0x0F, await self._reader.readexactly(size)

    async def receive(self) -> dict[str, Any]:
        """The next message. Answers pings on the way.

        Raises:
            Closed: The server closed.
        """
        async with asyncio.timeout(SECONDS):
            while True:
                frame = await self.frame_or_end()
                if frame is None:
                    raise Closed(1006, "")
                opcode, payload = frame
                if opcode == PING:
                    self.pings += 1
                    self.send_frame(PONG, payload)
                elif opcode == CLOSE:
                    self.send_frame(CLOSE, payload)
                    raise Closed(int.from_bytes(payload[:2], "big"), payload[2:].decode())
                elif opcode == TEXT:
                    found: dict[str, Any] = json.loads(payload)
                    return found

    async def frame_or_end(self) -> tuple[int, bytes] | None:
        """The next frame; None when the connection has ended."""
        try:
            return await self.frame()
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def until_closed(self, into: list[dict[str, Any]] | None = None) -> Closed:
        """Reads until the server closes; puts what came into a list."""
        messages = [] if into is None else into
        try:
            while True:
                messages.append(await self.receive())
        except Closed as closed:
            return closed


@asynccontextmanager
async def connected(
    url: str, *, token: str = "", path: str = "/api/v1/ws", is_narrow: bool = False
) -> AsyncIterator[WebSocketClient]:
    """A connection to a gateway; with `is_narrow`, one whose buffers hold little."""
    host, port = url.removeprefix("http://").split(":")
    narrow = socket.socket()
    narrow.setblocking(False)
    if is_narrow:
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await asyncio.get_running_loop().sock_connect(narrow, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=narrow, limit=4096)
    try:
        await shake_hands(reader, writer, token=token, path=path)
        yield WebSocketClient(reader, writer)
    finally:
        writer.transport.abort()


async def shake_hands(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, token: str, path: str
) -> None:
    """Raises Closed with the HTTP status when the server does not want to."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: gateway",
        "Connection: keep-alive, Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {key}",
        *([f"Authorization: Bearer {token}"] if token else []),
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    async with asyncio.timeout(SECONDS):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    status = int(head.split(" ", 2)[1])
    if status != 101:
        raise Closed(status, head)
    assert "sec-websocket-accept" in head.lower()
