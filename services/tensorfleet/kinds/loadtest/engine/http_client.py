"""Requests of a user's own case, over the generator's connections."""

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar

from tensorfleet.kinds.loadtest.cases.case import Answer, RequestFailed
from tensorfleet.kinds.loadtest.engine.connections import Connections
from tensorfleet.kinds.loadtest.engine.http_connection import HttpConnection
from tensorfleet.kinds.loadtest.engine.http_head import Head
from tensorfleet.kinds.loadtest.engine.http_request import (
    HttpRequest,
    check_header_names,
    path_below,
)
from tensorfleet.kinds.loadtest.engine.recorder import SECOND
from tensorfleet.kinds.loadtest.origin import Origin
from tensorfleet.kinds.loadtest.spec import Step


class FirstSend:
    """When the first request of an arrival was sent; 0: none was."""

    __slots__ = ("time",)

    def __init__(self) -> None:
        self.time = 0


first_send: ContextVar[FirstSend] = ContextVar("first_send")
"""Of the arrival that the present task runs."""


class HttpClient:
    """See cases.case.Http."""

    def __init__(
        self, target: tuple[Origin, str], connections: Connections | None, timeout_seconds: float
    ) -> None:
        """A client of a target that has connections; without, every request fails."""
        self._target = target
        self._connections = connections
        self._timeout_seconds = timeout_seconds
        self._requests: dict[str, HttpRequest] = {}

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_seconds: float | None = None,
    ) -> Answer:
        """See cases.case.Http."""
        if self._connections is None:
            raise RequestFailed("NOT_HTTP", f"{self._target[0]} is no HTTP target")
        timeout = timeout_seconds or self._timeout_seconds
        request = self._requests.get(method)
        if request is None:
            # Texts of a case's own code are meant as they stand.
            step = Step(method=method, path="/")
            request = self._requests[method] = HttpRequest(step, self._target, _no_secrets, timeout)
        check_header_names(headers or ())
        path = path_below(self._target[1], path)
        data = request.written(request.method, path, headers or {}, body)
        call = _Call(self._connections, request, data, int(timeout * SECOND))
        try:
            return await call.answer
        finally:
            call.is_given_up = True


class _Call:
    """One request that a coroutine waits for."""

    __slots__ = (
        "_connections",
        "_data",
        "_first_send",
        "_has_retried",
        "_request",
        "_timeout",
        "answer",
        "is_given_up",
    )

    def __init__(
        self, connections: Connections, request: HttpRequest, data: bytes, timeout: int
    ) -> None:
        self._connections = connections
        self._request = request
        self._data = data
        self._timeout = timeout
        self._has_retried = False
        self._first_send = first_send.get(None)
        self.is_given_up = False
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        connections.submit(self)

    def send_on(self, connection: HttpConnection) -> bool:
        """See connections.Request."""
        if self.is_given_up:
            return False
        sent = connection.send(self, self._data, self._timeout, self._request.is_head)
        if self._first_send is not None and not self._first_send.time:
            self._first_send.time = sent
        return True

    def answered(self, connection: HttpConnection, head: Head, body: bytes, _now: int) -> None:
        """See http_connection.Exchange."""
        self._connections.release(connection)
        if not self.answer.done():
            self.answer.set_result(Answer(status=head.status, headers=head.fields, body=body))

    def failed(self, code: str, message: str, _now: int, *, is_stale: bool = False) -> None:
        """See http_connection.Exchange."""
        if is_stale and self._request.is_idempotent and not self._has_retried:
            self._has_retried = True
            self._connections.submit(self)
        elif not self.answer.done():
            self.answer.set_exception(RequestFailed(code, message))


def _no_secrets(_reference: str) -> str:
    raise AssertionError("a case's own texts are not templates")
