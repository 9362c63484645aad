"""Arrivals as unary gRPC calls: a case of steps."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from tensorfleet.kinds.loadtest.cases.case import RequestFailed
from tensorfleet.kinds.loadtest.engine.answer_rules import AnswerRules, WrongAnswer
from tensorfleet.kinds.loadtest.engine.coroutine_driver import CoroutineDriver
from tensorfleet.kinds.loadtest.engine.feed import read_feed
from tensorfleet.kinds.loadtest.engine.grpc_channel import GrpcChannel
from tensorfleet.kinds.loadtest.engine.http_client import FirstSend
from tensorfleet.kinds.loadtest.engine.placeholders import (
    MissingValue,
    Template,
    filled,
    names_in,
    secrets_of,
    templates_in,
)
from tensorfleet.kinds.loadtest.spec import Spec, Step
from tensorfleet.shared.errors import InvalidInput

_GOOD = "OK"
# What a call ends with that never reached the service, or did not come back.
_FAILURES = {"UNAVAILABLE": "UNAVAILABLE", "DEADLINE_EXCEEDED": "TIMEOUT", "CANCELLED": "CANCELLED"}


class _Call:
    """One step, compiled."""

    def __init__(self, step: Step, secrets: Callable[[str], str], timeout_seconds: float) -> None:
        if not step.rpc:
            message = f"the step {step.name!r} of a gRPC target needs rpc"
            raise InvalidInput(f'{message}: "package.Service/Method"')
        self.rpc = step.rpc
        self.name = step.name or step.rpc
        self.message = templates_in(step.message, secrets)
        self.metadata = {
            name.lower(): Template(text, secrets) for name, text in step.headers.items()
        }
        self.rules = AnswerRules(step)
        self.timeout_seconds = step.timeout_seconds or timeout_seconds
        self.names = names_in([self.message, *self.metadata.values()])
        self.fixed: bytes | None = None


class GrpcDriver(CoroutineDriver):
    """See Driver. One channel a generator."""

    def __init__(
        self,
        spec: Spec,
        steps: Sequence[Step],
        folder: Path,
        clock: Callable[[], int],
        *,
        share: int,
    ) -> None:
        """
        Raises:
            InvalidInput: A step, the feed or a secret is wrong.
        """
        super().__init__(clock, max(1, spec.limits.in_flight // share))
        secrets = secrets_of(folder)
        self._calls = [_Call(step, secrets, spec.limits.timeout_seconds) for step in steps]
        self._feed = read_feed(spec.feed, folder) if spec.feed else None
        names = tuple(call.name for call in self._calls)
        self.step_names = names if len(names) > 1 else ()
        proto = folder / spec.grpc_proto if spec.grpc_proto else None
        self._channel = GrpcChannel(
            spec.target,
            spec.tls,
            proto,
            folder=folder,
            max_body_bytes=spec.limits.max_body_bytes,
            connect_timeout_seconds=spec.limits.connect_timeout_seconds,
        )
        self._bytes = [0, 0]

    async def open(self) -> None:
        """See Driver."""
        await self._channel.open()
        for call in self._calls:
            if not call.names:
                call.fixed = self._channel.encode(call.rpc, filled(call.message, {}))

    async def arrive(self, number: int, load: int | None, sent: FirstSend) -> str:
        """See CoroutineDriver."""
        values: dict[str, str] = {"counter": str(number)}
        if load is not None:
            values["load"] = str(load)
        if self._feed is not None:
            values.update(self._feed.row(number))
        for place, call in enumerate(self._calls):
            begun = self.clock()
            sent.time = sent.time or begun
            try:
                await self._call(call, values)
            except (WrongAnswer, RequestFailed) as exc:
                if self.step_names:
                    self.recorder.step(place, 0, exc.code)
                raise
            if self.step_names:
                self.recorder.step(place, self.clock() - begun)
        return _GOOD

    def transferred(self) -> tuple[int, int]:
        """See Driver: of messages, without the protocol's own."""
        return self._bytes[0], self._bytes[1]

    async def close(self) -> None:
        """See Driver."""
        await super().close()
        await self._channel.close()

    async def _call(self, call: _Call, values: dict[str, str]) -> None:
        try:
            payload = call.fixed
            if payload is None:
                payload = self._channel.encode(call.rpc, filled(call.message, values))
            metadata = [(name, text.fill(values)) for name, text in call.metadata.items()]
        except (MissingValue, InvalidInput) as exc:
            raise RequestFailed("TEMPLATE", f"{call.name}: {exc}") from exc
        self._bytes[0] += len(payload)
        answer = await self._channel.call(call.rpc, payload, metadata, call.timeout_seconds)
        self._bytes[1] += len(answer.body)
        if answer.code != _GOOD:
            code = _FAILURES.get(answer.code)
            if code is not None:
                raise RequestFailed(code, f"{call.name}: {answer.message}")
            message = f"{call.name}: {answer.code}: {answer.message}"
            raise WrongAnswer("STATUS", message, answer.code)
        if call.rules.looks_inside:
            body = msgspec.json.encode(self._channel.decode(call.rpc, answer.body))
            call.rules.look_inside(dict(answer.metadata), body, values)
