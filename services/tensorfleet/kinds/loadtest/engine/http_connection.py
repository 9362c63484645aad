"""One HTTP/1.1 connection of the generator: a raw protocol, a request at a time."""

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from tensorfleet.kinds.loadtest.engine.http_body import BodyReader, BodyTooLarge
from tensorfleet.kinds.loadtest.engine.http_head import (
    MAX_HEAD_BYTES,
    BadAnswer,
    Head,
    parse_head,
)

# Heads of answers repeat, but for their date once a second: most are found by their bytes.
_KEPT_HEADS = 512
_HEAD_END = b"\r\n\r\n"


class Exchange(Protocol):
    """What waits for an answer."""

    def answered(self, connection: "HttpConnection", head: Head, body: bytes, now: int) -> None:
        """The whole answer is there; the connection is free (or closed) already."""

    def failed(self, code: str, message: str, now: int, *, is_stale: bool = False) -> None:
        """There will be none. The connection is closed.

        Args:
            is_stale: It had been kept open, and ended before a byte of this answer came: the
                target may have closed it before it saw the request.
        """


class ConnectionOwner(Protocol):
    """Who keeps a connection."""

    def closed(self, connection: "HttpConnection") -> None:
        """It has ended, and has told its exchange so."""


class HttpConnection(asyncio.Protocol):
    """An open connection. `busy_since` is the time of the send, 0 while nothing is asked."""

    __slots__ = (
        "_answers_head",
        "_body",
        "_clock",
        "_exchange",
        "_head",
        "_heads",
        "_is_reused",
        "_limit",
        "_owner",
        "_received",
        "_transport",
        "_write",
        "busy_since",
        "deadline",
        "is_closed",
        "received_bytes",
        "sent_bytes",
    )

    def __init__(
        self,
        owner: ConnectionOwner,
        clock: Callable[[], int],
        max_body_bytes: int,
        heads: dict[bytes, Head],
    ) -> None:
        self._owner = owner
        self._clock = clock
        self._limit = max_body_bytes
        self._heads = heads
        self._exchange: Exchange | None = None
        self._received = b""
        self._head: Head | None = None
        self._body: BodyReader | None = None
        self._answers_head = False
        self.busy_since = 0
        self.deadline = 0
        self.is_closed = False
        self._is_reused = False
        self.received_bytes = 0
        self.sent_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        # What TCP and TLS give; uvloop's does not inherit from it.
        self._transport = cast(asyncio.Transport, transport)
        self._write = self._transport.write

    def send(self, exchange: Exchange, request: bytes, timeout: int, is_head: bool = False) -> int:
        """Sends a request; returns the time of it, of the clock in nanoseconds.

        Args:
            timeout: Nanoseconds that the answer may take.
        """
        self._exchange = exchange
        self._answers_head = is_head
        now = self.busy_since = self._clock()
        self.deadline = now + timeout
        self.sent_bytes += len(request)
        self._write(request)
        return now

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        now = self._clock()
        self.received_bytes += len(data)
        exchange = self._exchange
        if exchange is None:
            # Nothing was asked: a server's parting words, such as 408, or garbage.
            self.close()
            return
        # Most answers come whole, with a head seen before.
        if self._head is None and not self._received and not self._answers_head:
            raw, found, body = data.partition(_HEAD_END)
            head = self._heads.get(raw)
            # Without its end it may be a head whose last bytes are yet to come.
            if head is not None and head.length == len(body) and found:
                self._exchange = None
                self.busy_since = 0
                self._is_reused = True
                if not head.stays_open:
                    self.close()
                exchange.answered(self, head, body, now)
                return
        try:
            self._read_on(data, now)
        except BadAnswer as exc:
            self._fail("BAD_ANSWER", str(exc), now)
        except BodyTooLarge:
            self._fail("BODY_TOO_LARGE", f"the answer has over {self._limit:,} bytes", now)

    def eof_received(self) -> None:
        """See asyncio.Protocol; the transport closes itself now."""
        self.is_closed = True

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.is_closed = True
        exchange = self._exchange
        if exchange is not None:
            now = self._clock()
            body, head = self._body, self._head
            if body is not None and head is not None and exc is None and body.ended():
                self._exchange = None
                self.busy_since = 0
                exchange.answered(self, head, body.data, now)
            else:
                self._tell_loss(exchange, exc, now)
        self._owner.closed(self)

    def fail(self, code: str, message: str) -> None:
        """Ends the request, and with it the connection."""
        self._fail(code, message, self._clock())

    def close(self) -> None:
        """Ends the connection at once."""
        self.is_closed = True
        self._transport.abort()

    def _read_on(self, data: bytes, now: int) -> None:
        """An answer that comes in pieces, or whose head is new."""
        while self._body is None:
            self._received += data
            raw, found, data = self._received.partition(_HEAD_END)
            if not found:
                if len(self._received) > MAX_HEAD_BYTES:
                    raise BadAnswer(f"the head has over {MAX_HEAD_BYTES:,} bytes")
                # Said at once, rather than when the time is over.
                if not self._received.startswith(b"HTTP/1."[: len(self._received)]):
                    raise BadAnswer(f"not HTTP/1.1: {self._received[:40]!r}")
                return
            parsed = parse_head(raw, answers_head=self._answers_head)
            self._received = b""
            if parsed.status < 200:  # 100 Continue and its like come before the answer
                continue
            # Before the head is kept, so that one of too large a body is not.
            self._body = BodyReader(parsed.length, self._limit)
            if not self._answers_head and len(self._heads) < _KEPT_HEADS:
                self._heads[raw] = parsed
            elif not self._answers_head:
                self._heads.clear()
            self._head = parsed
        rest = self._body.feed(data) if data else b""
        if rest:
            raise BadAnswer("there are bytes after the answer's end")
        head, exchange = self._head, self._exchange
        if self._body.is_complete and head is not None and exchange is not None:
            self._finish(exchange, head, self._body.data, now)

    def _finish(self, exchange: Exchange, head: Head, body: bytes, now: int) -> None:
        self._exchange = None
        self._head = None
        self._body = None
        self.busy_since = 0
        self._is_reused = True
        if not head.stays_open:
            # At once: nothing is left to send, and TLS would wait for the other side's goodbye.
            self.close()
        exchange.answered(self, head, body, now)

    def _fail(self, code: str, message: str, now: int) -> None:
        exchange, self._exchange = self._exchange, None
        self.is_closed = True
        self.busy_since = 0
        self._transport.abort()
        if exchange is not None:
            exchange.failed(code, message, now)

    def _tell_loss(self, exchange: Exchange, exc: Exception | None, now: int) -> None:
        has_begun = bool(self._received) or self._head is not None
        self._exchange = None
        self.busy_since = 0
        if isinstance(exc, ConnectionResetError | BrokenPipeError):
            code, message = "RESET", "the target reset the connection"
        elif has_begun:
            code, message = "TRUNCATED", "the connection ended before the answer did"
        elif exc is None:
            code, message = "CLOSED", "the target closed the connection without an answer"
        else:
            code, message = "CONNECTION_LOST", str(exc) or type(exc).__name__
        exchange.failed(code, message, now, is_stale=self._is_reused and not has_begun)
