"""Arrivals that run a user's own case."""

from collections.abc import Callable
from pathlib import Path

from tensorfleet.kinds.loadtest.cases.case import CheckFailed, LoadCase
from tensorfleet.kinds.loadtest.engine.connections import Connections
from tensorfleet.kinds.loadtest.engine.coroutine_driver import CoroutineDriver
from tensorfleet.kinds.loadtest.engine.http_client import FirstSend, HttpClient
from tensorfleet.kinds.loadtest.engine.http_driver import tls_context
from tensorfleet.kinds.loadtest.engine.recorder import Recorder
from tensorfleet.kinds.loadtest.origin import parse_target
from tensorfleet.kinds.loadtest.spec import Spec
from tensorfleet.shared.errors import InvalidInput

_NO_LOAD = 1
_STATUS = "ok"


class CaseDriver(CoroutineDriver):
    """See Driver."""

    def __init__(
        self,
        spec: Spec,
        case: type[LoadCase],
        folder: Path,
        clock: Callable[[], int],
        *,
        share: int,
    ) -> None:
        """
        Raises:
            InvalidInput: The target is wrong.
        """
        super().__init__(clock, max(1, spec.limits.in_flight // share))
        self._spec = spec
        target = parse_target(spec.target)
        origin = target[0]
        self._connections: Connections | None = None
        if not origin.is_grpc:
            self._connections = Connections(
                origin,
                tls_context(spec.tls, folder) if origin.uses_tls else None,
                spec.tls.server_name,
                spec.limits,
                max(1, spec.limits.connections // share),
                clock,
            )
        self._http = HttpClient(target, self._connections, spec.limits.timeout_seconds)
        self._make = case
        self._case: LoadCase | None = None

    async def open(self) -> None:
        """See Driver."""
        if self._connections is not None:
            await self._connections.open()
        try:
            case = self._make(self._http, self._spec.target)
            await case.start()
        except Exception as exc:
            message = f"the case {self._spec.case} does not start: {type(exc).__name__}: {exc}"
            raise InvalidInput(message) from exc
        self._case = case

    async def begin(
        self,
        load: int | None,
        recorder: Recorder,
        connections: int,
        ended: Callable[[], None] | None,
    ) -> None:
        """See Driver."""
        await super().begin(load, recorder, connections, ended)
        if self._connections is not None:
            await self._connections.warm(connections)

    async def arrive(self, number: int, load: int | None, sent: FirstSend) -> str:
        """See CoroutineDriver."""
        del number
        assert self._case is not None  # noqa: S101  `open` comes first
        # A case with a client of its own is taken to send at once.
        begun = self.clock()
        try:
            span = await self._case.run(_NO_LOAD if load is None else load)
        except CheckFailed:
            sent.time = sent.time or begun
            raise
        sent.time = sent.time or begun
        if span is not None:
            self.recorder.span(int(float(span) * 1e9))
        return _STATUS

    def transferred(self) -> tuple[int, int]:
        """See Driver."""
        return (0, 0) if self._connections is None else self._connections.transferred()

    async def close(self) -> None:
        """See Driver."""
        await super().close()
        try:
            if self._case is not None:
                await self._case.stop()
        finally:
            if self._connections is not None:
                await self._connections.close()
