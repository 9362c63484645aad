"""Arrivals as HTTP requests: a case of steps."""

import ssl
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tensorfleet.kinds.loadtest.engine.connections import Connections
from tensorfleet.kinds.loadtest.engine.driver import Notes
from tensorfleet.kinds.loadtest.engine.feed import Rows, read_feed
from tensorfleet.kinds.loadtest.engine.http_journey import HttpJourney
from tensorfleet.kinds.loadtest.engine.http_request import HttpRequest
from tensorfleet.kinds.loadtest.engine.placeholders import secrets_of
from tensorfleet.kinds.loadtest.engine.recorder import Recorder
from tensorfleet.kinds.loadtest.origin import Origin, parse_target
from tensorfleet.kinds.loadtest.spec import Spec, Step, Tls
from tensorfleet.shared.errors import InvalidInput

_OVERLOADED = "more arrivals were under way than limits.in_flight allows"


class HttpDriver:
    """See Driver. One generator's; it has its share of the connections."""

    makes_cycles = False

    def __init__(
        self,
        spec: Spec,
        steps: Sequence[Step],
        folder: Path,
        clock: Callable[[], int],
        *,
        share: int = 1,
    ) -> None:
        """
        Args:
            folder: Where files are that the spec names.
            share: One of so many generators.

        Raises:
            InvalidInput: A step, the feed or a secret is wrong.
        """
        self.clock = clock
        self.in_flight = 0
        self._spec = spec
        self._share = share
        secrets = secrets_of(folder)
        first = parse_target(spec.target)
        timeout = spec.limits.timeout_seconds
        self.requests = [HttpRequest(step, first, secrets, timeout) for step in steps]
        self.has_several_steps = len(self.requests) > 1
        names = tuple(request.name for request in self.requests)
        self.step_names = names if self.has_several_steps else ()
        first_request = self.requests[0]
        self.is_plain = (
            not self.has_several_steps
            and first_request.is_plain
            and not first_request.names
            and not first_request.is_head
        )
        """Whether each arrival sends the same bytes, and only the status of the answer counts."""
        self._feed: Rows | None = read_feed(spec.feed, folder) if spec.feed else None
        self._origins = [first[0], *(parse_target(target)[0] for target in spec.targets)]
        self._check_targets()
        self._check_names()
        self._tls = tls_context(spec.tls, folder)
        self._connections: dict[Origin, Connections] = {}
        self._notes = Notes()
        self.note = self._notes.add
        self.most_in_flight = max(1, spec.limits.in_flight // share)
        self._load: int | None = None
        self.tell_end: Callable[[], None] | None = None

    async def open(self) -> None:
        """See Driver."""
        used = {request.origin for request in self.requests}
        for origin in dict.fromkeys(self._origins):
            connections = self._connections[origin] = Connections(
                origin,
                self._tls if origin.uses_tls else None,
                self._spec.tls.server_name,
                self._spec.limits,
                max(1, self._spec.limits.connections // self._share),
                self.clock,
            )
            if origin in used:
                await connections.open()
            else:
                await connections.look_up()
        self.first_connections = self._connections[self.requests[0].origin]

    async def begin(
        self,
        load: int | None,
        recorder: Recorder,
        connections: int,
        ended: Callable[[], None] | None,
    ) -> None:
        """See Driver."""
        self._load = load
        self._notes.found.clear()
        self.recorder = recorder
        self.tell_end = ended
        await self.first_connections.warm(connections)

    def fire(self, intended: int, number: int) -> bool:
        """See Driver."""
        if self.in_flight >= self.most_in_flight:
            self.note("OVERLOADED", _OVERLOADED)
            self.recorder.failed(intended, 0, self.clock(), "OVERLOADED")
            if self.tell_end is not None:
                self.tell_end()
            return True
        self.in_flight += 1
        return self.first_connections.submit(HttpJourney(self, intended, number))

    def ended(self) -> None:
        """An arrival has."""
        self.in_flight -= 1
        if self.tell_end is not None:
            self.tell_end()

    def values_of(self, number: int) -> dict[str, str]:
        """What the texts of an arrival may name."""
        values = {"counter": str(number)}
        if self._load is not None:
            values["load"] = str(self._load)
        if self._feed is not None:
            values.update(self._feed.row(number))
        return values

    def connections_of(self, place: int) -> Connections:
        """Those of a step's target."""
        return self._connections[self.requests[place].origin]

    def connections_to(self, origin: Origin) -> Connections | None:
        """Those to a named target; None for any other."""
        return self._connections.get(origin)

    def give_up(self, code: str, message: str) -> None:
        """See Driver."""
        while before := self.in_flight:
            # What fails at one target does not go on at another, but a defect must not end in an
            # endless loop.
            for connections in self._connections.values():
                connections.give_up(code, message)
            if self.in_flight == before:
                raise AssertionError(f"{before} arrivals neither wait nor have been sent")

    def transferred(self) -> tuple[int, int]:
        """See Driver."""
        each = [connections.transferred() for connections in self._connections.values()]
        return sum(sent for sent, _ in each), sum(received for _, received in each)

    def notes(self) -> dict[str, str]:
        """See Driver."""
        return self._notes.found

    async def close(self) -> None:
        """See Driver."""
        for connections in self._connections.values():
            await connections.close()

    def _check_targets(self) -> None:
        """Nothing is sent to where the user did not say so."""
        for request in self.requests:
            if request.origin not in self._origins:
                message = f"the step {request.name!r} goes to {request.origin}"
                raise InvalidInput(f"{message}, which is not among the targets; name it there")

    def _check_names(self) -> None:
        """Each value that a step names must come from somewhere."""
        known = {"load", "counter", "uuid"} | (self._feed.columns if self._feed else frozenset())
        for request in self.requests:
            missing = sorted(request.names - known)
            if missing:
                listed = ", ".join(sorted(known))
                message = f"the step {request.name!r} names ${{{missing[0]}}}, which nothing gives"
                raise InvalidInput(f"{message}; there are: {listed}")
            known |= request.rules.extracted


def tls_context(tls: Tls, folder: Path) -> ssl.SSLContext:
    """How encrypted targets are verified.

    Raises:
        InvalidInput: The file of certificates cannot be used.
    """
    make = partial(ssl.create_default_context, ssl.Purpose.SERVER_AUTH)
    try:
        context = make(cafile=str(folder / tls.ca_file)) if tls.ca_file else make()
    except (OSError, ssl.SSLError) as exc:
        raise InvalidInput(f"tls.ca_file {tls.ca_file!r} cannot be used: {exc}") from exc
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context
