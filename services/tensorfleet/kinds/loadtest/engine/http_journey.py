"""One arrival of an HTTP case: its steps one after another, without a coroutine."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urldefrag, urljoin

from tensorfleet.kinds.loadtest.engine.answer_rules import WrongAnswer
from tensorfleet.kinds.loadtest.engine.http_connection import HttpConnection
from tensorfleet.kinds.loadtest.engine.http_head import Head
from tensorfleet.kinds.loadtest.engine.http_request import HttpRequest
from tensorfleet.kinds.loadtest.engine.placeholders import MissingValue
from tensorfleet.kinds.loadtest.origin import Origin, parse_target
from tensorfleet.shared.errors import InvalidInput

if TYPE_CHECKING:
    from tensorfleet.kinds.loadtest.engine.http_driver import HttpDriver

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class HttpJourney:
    """From the intended time to the last answer."""

    __slots__ = (
        "_connections",
        "_driver",
        "_has_retried",
        "_intended",
        "_number",
        "_place",
        "_redirect",
        "_redirects",
        "_sent",
        "_span",
        "_step_sent",
        "_values",
    )

    def __init__(self, driver: HttpDriver, intended: int, number: int) -> None:
        self._driver = driver
        self._intended = intended
        self._number = number
        self._place = 0
        self._sent = 0
        self._span = 0.0
        self._values: dict[str, str] | None = None
        self._has_retried = False
        # Where redirects have led: method, path, and the whole request.
        self._redirect: tuple[str, str, bytes] | None = None
        self._redirects = 0
        self._connections = driver.first_connections

    def send_on(self, connection: HttpConnection) -> bool:
        """See connections.Request."""
        driver = self._driver
        request = driver.requests[self._place]
        data, is_head = request.fixed, request.is_head
        if self._redirect is not None:
            method, _, data = self._redirect
            is_head = method == "HEAD"
        elif data is None:
            try:
                data = request.render(self._known_values())
            except (MissingValue, InvalidInput) as exc:
                driver.note("TEMPLATE", f"{request.name}: {exc}")
                self._end_failed("TEMPLATE", driver.clock())
                return False
        sent = connection.send(self, data, request.timeout_nanoseconds, is_head)
        self._step_sent = sent
        if not self._sent:
            self._sent = sent
            driver.recorder.sent_count += 1
        return True

    def answered(self, connection: HttpConnection, head: Head, body: bytes, now: int) -> None:
        """See http_connection.Exchange."""
        driver = self._driver
        request = driver.requests[self._place]
        if head.span_seconds is not None:
            self._span += head.span_seconds
        # Most answers need no closer look.
        if request.is_plain and head.status in request.rules.good_statuses:
            pass
        elif head.status in _REDIRECTS and self._redirects < request.follow_redirects:
            self._connections.release(connection)
            self._follow(head, now)
            return
        else:
            try:
                self._check(request, head, body)
            except WrongAnswer as exc:
                self._connections.release(connection)
                driver.note(exc.code, f"{request.name}: {exc}")
                self._end_failed(exc.code, now, head.status)
                return
        if driver.has_several_steps:
            driver.recorder.step(self._place, now - self._step_sent)
            self._place += 1
            if self._place < len(driver.requests):
                self._next_step(connection)
                return
        driver.recorder.answered(self._intended, self._sent, now, head.status)
        if self._span:
            driver.recorder.span(int(self._span * 1e9))
        self._connections.release(connection)
        driver.ended()

    def failed(self, code: str, message: str, now: int, *, is_stale: bool = False) -> None:
        """See http_connection.Exchange."""
        request = self._driver.requests[self._place]
        if is_stale and request.is_idempotent and not self._has_retried:
            self._has_retried = True
            self._connections.submit(self)
            return
        self._driver.note(code, f"{request.name}: {message}")
        self._end_failed(code, now)

    def _check(self, request: HttpRequest, head: Head, body: bytes) -> None:
        rules = request.rules
        if head.status in _REDIRECTS and request.follow_redirects:
            raise WrongAnswer("TOO_MANY_REDIRECTS", f"over {request.follow_redirects}")
        if head.status not in rules.good_statuses:
            raise WrongAnswer("STATUS", f"status {head.status}")
        if rules.looks_inside:
            rules.look_inside(head.fields, body, self._known_values())

    def _next_step(self, connection: HttpConnection) -> None:
        self._redirect = None
        self._redirects = 0
        self._has_retried = False
        connections = self._driver.connections_of(self._place)
        if (
            connections is self._connections
            and not connection.is_closed
            and self.send_on(connection)
        ):
            return
        self._connections.release(connection)
        self._connections = connections
        connections.submit(self)

    def _follow(self, head: Head, now: int) -> None:
        """Goes where a redirect points, if that is one of the named targets (RFC 9110, 15.4)."""
        driver = self._driver
        request = driver.requests[self._place]
        self._redirects += 1
        if self._redirect is None:
            method, path = request.method, request.path_of(self._known_values())
        else:
            method, path, _ = self._redirect
        try:
            origin, path = _pointed_to(f"{self._connections.origin}{path}", head)
        except (InvalidInput, ValueError) as exc:
            driver.note("BAD_REDIRECT", f"{request.name}: {exc}")
            self._end_failed("BAD_REDIRECT", now, head.status)
            return
        connections = driver.connections_to(origin)
        if connections is None:
            message = f"{request.name}: to {origin}, which is not among the targets"
            driver.note("REDIRECT_ELSEWHERE", message)
            self._end_failed("REDIRECT_ELSEWHERE", now, head.status)
            return
        changes = head.status == 303 or (head.status in (301, 302) and method == "POST")
        if changes and method != "HEAD":
            method = "GET"
        data = request.redirected(method, path, origin, self._known_values())
        self._redirect = (method, path, data)
        self._connections = connections
        connections.submit(self)

    def _end_failed(self, code: str, now: int, status: int | None = None) -> None:
        driver = self._driver
        if driver.has_several_steps:
            driver.recorder.step(self._place, 0, code)
        driver.recorder.failed(self._intended, self._sent, now, code, status)
        driver.ended()

    def _known_values(self) -> dict[str, str]:
        if self._values is None:
            self._values = self._driver.values_of(self._number)
        return self._values


def _pointed_to(here: str, head: Head) -> tuple[Origin, str]:
    """Where a redirect leads (RFC 9110, 10.2.2). Raises InvalidInput or ValueError."""
    location = head.fields.get("location")
    if not location:
        raise InvalidInput(f"a redirect of status {head.status} without a location")
    return parse_target(urldefrag(urljoin(here, location)).url)
