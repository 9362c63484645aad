"""The shortest way for the plainest case: one request, always the same, of whose answer only the
status counts. Nearly every test of how much a service can take is that.

It does what `HttpJourney` does, with a fraction of the Python: a generator cannot send in the time
that is spent here.
"""

from __future__ import annotations

from collections.abc import Callable

from tensorfleet.kinds.loadtest.engine.http_connection import HttpConnection
from tensorfleet.kinds.loadtest.engine.http_driver import HttpDriver
from tensorfleet.kinds.loadtest.engine.http_head import Head
from tensorfleet.kinds.loadtest.engine.recorder import Recorder


class PlainHttpDriver(HttpDriver):
    """See Driver. Only for a case that `is_plain`."""

    async def begin(
        self,
        load: int | None,
        recorder: Recorder,
        connections: int,
        ended: Callable[[], None] | None,
    ) -> None:
        """See Driver."""
        await super().begin(load, recorder, connections, ended)
        # Looked up once, rather than for each arrival.
        request = self.requests[0]
        self._data = request.render({})
        self._timeout = request.timeout_nanoseconds
        self.good_statuses = request.rules.good_statuses
        self.statuses = recorder.statuses
        self.note_response = recorder.note_response
        self.note_service = recorder.note_service
        self.idle = self.first_connections.idle
        self.waiting = self.first_connections.waiting

    def fire(self, intended: int, number: int) -> bool:
        """See Driver."""
        if self.in_flight >= self.most_in_flight:
            return super().fire(intended, number)
        self.in_flight += 1
        arrival = PlainArrival(self, intended)
        idle = self.idle
        while idle:
            connection = idle.pop()
            if not connection.is_closed:
                arrival.sent = connection.send(arrival, self._data, self._timeout)
                self.recorder.sent_count += 1
                return True
        return self.first_connections.submit(arrival)

    def send(self, arrival: PlainArrival, connection: HttpConnection) -> None:
        """Sends an arrival's request, for the first or second time."""
        sent = connection.send(arrival, self._data, self._timeout)
        if not arrival.sent:
            arrival.sent = sent
            self.recorder.sent_count += 1

    def end_failed(
        self, arrival: PlainArrival, code: str, message: str, now: int, status: int | None = None
    ) -> None:
        """An arrival has failed."""
        self.note(code, f"{self.requests[0].name}: {message}")
        self.recorder.failed(arrival.intended, arrival.sent, now, code, status)
        self.ended()


class PlainArrival:
    """From the intended time to the answer."""

    __slots__ = ("_driver", "_has_retried", "intended", "sent")

    def __init__(self, driver: PlainHttpDriver, intended: int) -> None:
        self._driver = driver
        self.intended = intended
        self.sent = 0
        self._has_retried = False

    def send_on(self, connection: HttpConnection) -> bool:
        """See connections.Request."""
        self._driver.send(self, connection)
        return True

    def answered(self, connection: HttpConnection, head: Head, _body: bytes, now: int) -> None:
        """See http_connection.Exchange."""
        driver = self._driver
        if driver.waiting or connection.is_closed:
            driver.first_connections.release(connection)
        else:
            driver.idle.append(connection)
        if head.status not in driver.good_statuses:
            driver.end_failed(self, "STATUS", f"status {head.status}", now, head.status)
            return
        driver.statuses[head.status] += 1
        driver.note_response(now - self.intended)
        driver.note_service(now - self.sent)
        if head.span_seconds is not None:
            driver.recorder.span(int(head.span_seconds * 1e9))
        driver.in_flight -= 1
        if driver.tell_end is not None:
            driver.tell_end()

    def failed(self, code: str, message: str, now: int, *, is_stale: bool = False) -> None:
        """See http_connection.Exchange."""
        driver = self._driver
        if is_stale and driver.requests[0].is_idempotent and not self._has_retried:
            self._has_retried = True
            driver.first_connections.submit(self)
            return
        driver.end_failed(self, code, message, now)
