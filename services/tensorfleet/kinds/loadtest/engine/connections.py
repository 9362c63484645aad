"""The generator's connections to one target: kept open, used one request at a time."""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Protocol

from tensorfleet.kinds.loadtest.engine.http_connection import Exchange, HttpConnection
from tensorfleet.kinds.loadtest.engine.http_head import Head
from tensorfleet.kinds.loadtest.origin import Origin
from tensorfleet.kinds.loadtest.spec import Limits
from tensorfleet.shared.errors import Unavailable

# The first arrivals do not wait for connections that take longer: those open while it runs.
_MOST_WARMING_SECONDS = 0.2
# How often over the time limit unanswered requests are looked for.
_LOOKS_PER_TIMEOUT = 50
_LEAST_LOOK_SECONDS = 0.005
_MOST_LOOK_SECONDS = 0.25


class Request(Exchange, Protocol):
    """An exchange that waits for a connection."""

    def send_on(self, connection: HttpConnection) -> bool:
        """Sends itself; whether it did, so that the connection is taken."""


class Connections:
    """All connections to one origin, at most `limit` of them."""

    def __init__(
        self,
        origin: Origin,
        tls: ssl.SSLContext | None,
        server_name: str,
        limits: Limits,
        limit: int,
        clock: Callable[[], int],
    ) -> None:
        self.origin = origin
        self._tls = tls
        self._server_name = server_name or origin.host
        self._limits = limits
        self._limit = limit
        self.clock = clock
        self._heads: dict[bytes, Head] = {}
        self._addresses: list[tuple[str, int]] = []
        self._turn = count()
        self._all: set[HttpConnection] = set()
        self.idle: list[HttpConnection] = []
        """Open and free; some of them may have been closed since."""
        self.waiting: deque[Request] = deque()
        self._openings: set[asyncio.Task[None]] = set()
        self._look: asyncio.TimerHandle | None = None
        self._is_closing = False
        self._all_closed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._received_before = 0
        self._sent_before = 0

    async def look_up(self) -> None:
        """Finds the host's addresses.

        Raises:
            Unavailable: The name is unknown.
        """
        try:
            async with asyncio.timeout(self._limits.connect_timeout_seconds):
                found = await self._loop.getaddrinfo(
                    self.origin.host, self.origin.port, type=socket.SOCK_STREAM
                )
        except (OSError, TimeoutError, UnicodeError) as exc:
            reason = getattr(exc, "strerror", None) or str(exc) or "no answer in time"
            raise Unavailable(f"the host of {self.origin} is not known: {reason}") from exc
        self._addresses = [(str(entry[4][0]), int(entry[4][1])) for entry in found]
        self._look_later()

    async def open(self) -> None:
        """Looks the host up, and connects once.

        Raises:
            Unavailable: The name is unknown, nothing listens, or the certificate is not accepted.
        """
        await self.look_up()
        try:
            self.idle.append(await self._connect())
        except (OSError, TimeoutError) as exc:
            _, message = self._failure(exc)
            raise Unavailable(f"{self.origin} cannot be reached: {message}") from exc

    async def warm(self, wanted: int) -> None:
        """Opens so many connections before they are needed, as far as the limit lets it."""
        missing = min(wanted, self._limit) - len(self._all) - len(self._openings)
        for _ in range(missing):
            self._open_another()
        if self._openings:
            await asyncio.wait(self._openings, timeout=_MOST_WARMING_SECONDS)

    def submit(self, request: Request) -> bool:
        """Lets a request send itself; whether a connection was free at once."""
        idle = self.idle
        while idle:
            connection = idle.pop()
            if not connection.is_closed:
                if not request.send_on(connection):
                    self.release(connection)
                return True
        self.waiting.append(request)
        if len(self._all) < self._limit:
            self._open_if_wanted()
        return False

    def release(self, connection: HttpConnection) -> None:
        """The connection's exchange is over."""
        if connection.is_closed:
            return
        while self.waiting:
            if self.waiting.popleft().send_on(connection):
                return
        self.idle.append(connection)

    def closed(self, connection: HttpConnection) -> None:
        """See ConnectionOwner."""
        if connection in self._all:
            self._all.remove(connection)
            self._received_before += connection.received_bytes
            self._sent_before += connection.sent_bytes
        if self._is_closing and not self._all:
            self._all_closed.set()
        self._open_if_wanted()

    def transferred(self) -> tuple[int, int]:
        """Bytes sent and received so far."""
        sent = self._sent_before + sum(c.sent_bytes for c in self._all)
        received = self._received_before + sum(c.received_bytes for c in self._all)
        return sent, received

    def give_up(self, code: str, message: str) -> None:
        """Fails all that waits, for a connection or for an answer."""
        while self.waiting:
            self.waiting.popleft().failed(code, message, self.clock())
        for connection in [c for c in self._all if c.busy_since]:
            connection.fail(code, message)

    async def close(self) -> None:
        """Ends every connection."""
        self._is_closing = True
        if self._look is not None:
            self._look.cancel()
        for opening in self._openings:
            opening.cancel()
        if self._openings:
            await asyncio.wait(self._openings)
        for connection in list(self._all):
            connection.close()
        if self._all:
            await self._all_closed.wait()

    def _open_if_wanted(self) -> None:
        if len(self.waiting) > len(self._openings) and not self._is_closing:
            self._open_another()

    def _open_another(self) -> None:
        if len(self._all) + len(self._openings) >= self._limit:
            return
        opening = self._loop.create_task(self._open_one())
        self._openings.add(opening)
        opening.add_done_callback(self._opened)

    def _opened(self, opening: asyncio.Task[None]) -> None:
        self._openings.discard(opening)
        if not opening.cancelled():
            opening.result()
            self._open_if_wanted()

    async def _open_one(self) -> None:
        try:
            connection = await self._connect()
        except (OSError, TimeoutError) as exc:
            if self.waiting:
                code, message = self._failure(exc)
                self.waiting.popleft().failed(code, message, self.clock())
        else:
            self.release(connection)

    async def _connect(self) -> HttpConnection:
        """To the host's addresses in turn, past those that take none: "localhost" is often two, of
        which a server listens at one."""
        first, count = next(self._turn), len(self._addresses)
        async with asyncio.timeout(self._limits.connect_timeout_seconds):
            for attempt in range(count):
                try:
                    return await self._connect_to(*self._addresses[(first + attempt) % count])
                except OSError as exc:
                    if attempt + 1 == count or isinstance(exc, ssl.SSLError):
                        raise
        raise AssertionError("a known host has an address")

    async def _connect_to(self, host: str, port: int) -> HttpConnection:
        _, connection = await self._loop.create_connection(
            lambda: HttpConnection(self, self.clock, self._limits.max_body_bytes, self._heads),
            host,
            port,
            ssl=self._tls,
            server_hostname=self._server_name if self._tls else None,
        )
        if connection.is_closed:  # before it could be counted
            raise ConnectionResetError
        self._all.add(connection)
        return connection

    def _failure(self, exc: OSError | TimeoutError) -> tuple[str, str]:
        if isinstance(exc, TimeoutError):
            seconds = self._limits.connect_timeout_seconds
            return "CONNECT_TIMEOUT", f"no connection within {seconds:g} s"
        if isinstance(exc, ssl.SSLCertVerificationError):
            return "CERTIFICATE", f"its certificate is not accepted: {exc.verify_message}"
        if isinstance(exc, ssl.SSLError):
            return "TLS", f"it does not speak TLS as it should: {exc.reason or exc}"
        if isinstance(exc, ConnectionRefusedError):
            return "CONNECT_REFUSED", "nothing listens there"
        if isinstance(exc, ConnectionResetError):
            return "RESET", "it reset the connection at once"
        return "CONNECT_FAILED", exc.strerror or str(exc)

    def _look_later(self) -> None:
        pause = self._limits.timeout_seconds / _LOOKS_PER_TIMEOUT
        pause = min(_MOST_LOOK_SECONDS, max(_LEAST_LOOK_SECONDS, pause))
        self._look = self._loop.call_later(pause, self._end_overdue)

    def _end_overdue(self) -> None:
        now = self.clock()
        overdue = [c for c in self._all if c.busy_since and c.deadline <= now]
        for connection in overdue:
            connection.fail("TIMEOUT", "no whole answer within the time limit")
        self._look_later()
