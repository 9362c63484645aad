"""One client's WebSocket: who it is, which jobs it follows, and their events in order."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, aclosing
from typing import Protocol

import msgspec
import structlog

from tensorfleet.gateway.convert.events import to_event
from tensorfleet.gateway.problems import problem_of, status_of
from tensorfleet.gateway.tokens import Tokens
from tensorfleet.gateway.websocket_frames import CloseCode
from tensorfleet.orchestrator.v1 import event_pb2
from tensorfleet.shared import errors
from tensorfleet.shared.caller import Caller, current_caller, current_request_id
from tensorfleet.shared.rest import socket as messages

Batches = AsyncGenerator[Sequence[event_pb2.Event], None]
# The events of a job after a sequence number; see `event_source.watch_events`.
OpenEvents = Callable[[str, int], Awaitable[Batches]]

log = structlog.get_logger(__name__)

_decoder: "msgspec.json.Decoder[messages.Request]" = msgspec.json.Decoder(messages.Request)
_encoder = msgspec.json.Encoder()


class Wire(Protocol):
    """The connection as the session sees it."""

    async def receive(self) -> str | None:
        """The next text of the client; None when it has gone."""

    async def send(self, text: str) -> None:
        """Returns once there is room for another one. Raises OSError when the client has gone."""

    async def close(self, code: int, reason: str) -> None:
        """Ends it."""


class EventSocket:
    """Follows jobs for one client, until it goes away or the gateway stops.

    Each subscription has a task of its own, which takes the next events only when those before are
    on their way: a slow client holds nothing but one batch of each.
    """

    def __init__(
        self,
        wire: Wire,
        open_events: OpenEvents,
        tokens: Tokens,
        *,
        stopping: asyncio.Event,
        counted: Callable[[], AbstractContextManager[object]],
        authentication_seconds: float = messages.AUTHENTICATION_SECONDS,
    ) -> None:
        self._wire = wire
        self._open_events = open_events
        self._tokens = tokens
        self._stopping = stopping
        self._counted = counted
        self._authentication_seconds = authentication_seconds
        self._token = ""
        self._followers: dict[str, asyncio.Task[None]] = {}

    async def run(self, token: str) -> None:
        """Serves the client.

        Args:
            token: From its header; empty when it has to say who it is by its first message.
        """
        try:
            async with asyncio.timeout(self._authentication_seconds):
                caller = self._accept_token(token or await self._first_token())
        except (errors.TensorFleetError, TimeoutError) as exc:
            await self._send_error("", exc)
            await self._wire.close(CloseCode.UNAUTHENTICATED, "no good token came in time")
            return
        current_caller.set(caller)
        await self._send(messages.Ready())
        async with asyncio.TaskGroup() as group:
            stopper = group.create_task(self._end_when_stopping())
            try:
                while (text := await self._wire.receive()) is not None:
                    await self._take(text, group)
            except OSError:
                pass  # the client has gone in the middle of an answer
            finally:
                for task in (stopper, *self._followers.values()):
                    task.cancel()

    async def _end_when_stopping(self) -> None:
        await self._stopping.wait()
        await self._wire.close(CloseCode.SERVICE_RESTART, "the gateway stops; connect again")

    # Who it is

    async def _first_token(self) -> str:
        first = _read(await self._wire.receive() or "")
        if isinstance(first, messages.Authenticate):
            return first.token
        raise errors.Unauthenticated(
            'send {"type": "auth", "token": "<token>"} first, or an Authorization header'
        )

    def _accept_token(self, token: str) -> Caller:
        identity = self._tokens.read(token)
        self._token = token
        return Caller(user=identity.user, project=identity.project)

    # What it asks for

    async def _take(self, text: str, group: asyncio.TaskGroup) -> None:
        concerned = ""
        try:
            match _read(text):
                case messages.Ping():
                    await self._send(messages.Pong())
                case messages.Authenticate() as authenticate:
                    self._renew(authenticate.token)
                case messages.Unsubscribe() as unsubscribe:
                    if follower := self._followers.pop(unsubscribe.id, None):
                        follower.cancel()
                    await self._send(messages.Unsubscribed(id=unsubscribe.id))
                case messages.Subscribe() as asked:
                    name = asked.id or asked.job_id
                    concerned = "" if name in self._followers else name
                    self._tokens.read(self._token)  # it may have expired meanwhile
                    self._subscribe(name, asked, group)
        except errors.TensorFleetError as exc:
            await self._send_error(concerned, exc)

    def _renew(self, token: str) -> None:
        identity = self._tokens.read(token)
        if Caller(user=identity.user, project=identity.project) != current_caller.get():
            raise errors.PermissionDenied("that token is another user's; open another connection")
        self._token = token

    def _subscribe(self, name: str, asked: messages.Subscribe, group: asyncio.TaskGroup) -> None:
        if name in self._followers:
            raise errors.Conflict(f"there is a subscription {name!r} already; unsubscribe it first")
        if len(self._followers) >= messages.MAX_SUBSCRIPTIONS:
            raise errors.RateLimited(
                f"a connection has {messages.MAX_SUBSCRIPTIONS} subscriptions at most; unsubscribe "
                "from some, or open another connection"
            )
        self._followers[name] = group.create_task(self._follow(name, asked))

    async def _follow(self, name: str, asked: messages.Subscribe) -> None:
        try:
            with self._counted():
                async with aclosing(await self._open_events(asked.job_id, asked.after)) as batches:
                    async for events in batches:
                        for event in events:
                            if (shown := to_event(event)) is not None:
                                await self._send(
                                    messages.EventMessage(id=name, job_id=asked.job_id, event=shown)
                                )
            del self._followers[name]
            await self._send(messages.End(id=name, job_id=asked.job_id))
        except OSError:
            return  # the client has gone, as the reading side notices, too
        except Exception as exc:  # noqa: BLE001  one subscription must not end the others
            self._followers.pop(name, None)
            await self._send_error(name, exc)

    # What it is told

    async def _send(self, message: messages.Answer) -> None:
        await self._wire.send(_encoder.encode(message).decode())

    async def _send_error(self, name: str, error: Exception) -> None:
        if isinstance(error, TimeoutError):
            error = errors.Unauthenticated("no token came in time")
        if not isinstance(error, errors.TensorFleetError):
            log.error("subscription failed unexpectedly", exc_info=error)
            request_id = current_request_id.get()
            error = errors.TensorFleetError(
                f"internal error; the logs have request id {request_id}"
            )
        fields = error.fields if isinstance(error, errors.InvalidInput) else ()
        problem = problem_of(status_of(error), error.reason, str(error), fields)
        try:
            await self._send(messages.ErrorMessage(id=name, problem=problem))
        except OSError:
            return  # the client has gone, and needs to know nothing any more


def _read(text: str) -> messages.Request:
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError) as exc:
        raise errors.InvalidInput(f"the message is wrong: {exc}") from exc
