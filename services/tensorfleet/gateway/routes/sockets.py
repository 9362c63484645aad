"""Events of several jobs over one WebSocket."""

from contextlib import suppress
from typing import Any

from litestar import Response, WebSocket, get, websocket
from litestar.di import NamedDependency
from litestar.exceptions import WebSocketDisconnect
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import SkipValidation

from tensorfleet.gateway.authentication import PUBLIC, bearer_token
from tensorfleet.gateway.convert.jobs import to_job
from tensorfleet.gateway.event_socket import Batches, EventSocket
from tensorfleet.gateway.event_source import watch_events
from tensorfleet.gateway.login import Logins
from tensorfleet.gateway.problems import problem_of, problem_responses
from tensorfleet.gateway.routes.events import EventStreaming
from tensorfleet.gateway.upstreams import Upstreams
from tensorfleet.orchestrator.v1 import job_service_pb2
from tensorfleet.shared.rest.problems import MEDIA_TYPE, Problem


class _LitestarWire:
    """See event_socket.Wire."""

    def __init__(self, socket: WebSocket[Any, Any, Any]) -> None:
        self._socket = socket

    async def receive(self) -> str | None:
        message = await self._socket.receive()
        return message.get("text") if message["type"] == "websocket.receive" else None

    async def send(self, text: str) -> None:
        try:
            await self._socket.send({"type": "websocket.send", "text": text, "bytes": None})
        except WebSocketDisconnect as exc:
            raise ConnectionResetError("the client has gone") from exc

    async def close(self, code: int, reason: str) -> None:
        with suppress(WebSocketDisconnect):
            await self._socket.close(code, reason)


@get(
    "/api/v1/ws",
    tags=["jobs"],
    summary="Follow several jobs over one WebSocket",
    responses={
        101: ResponseSpec(None, description="The connection is a WebSocket from now on"),
        **problem_responses(426),
    },
    opt=PUBLIC,
    security=[{}],
)
async def explain_socket() -> Response[Problem]:
    """Events of several jobs over one WebSocket; the messages are in docs/jobs.md.

    Whoever asks without an upgrade gets 426.
    """
    detail = "this is a WebSocket: connect with ws:// or wss://; docs/jobs.md has its messages"
    return Response(
        problem_of(426, "UPGRADE_REQUIRED", detail),
        status_code=426,
        media_type=MEDIA_TYPE,
        headers={"Upgrade": "websocket", "Connection": "Upgrade"},
    )


# Public, as a browser can send no header with it: the first message carries the token instead.
@websocket("/api/v1/ws", opt=PUBLIC)
async def follow_jobs(
    socket: WebSocket[Any, Any, Any],
    upstreams: NamedDependency[SkipValidation[Upstreams]],
    logins: NamedDependency[SkipValidation[Logins]],
    streaming: NamedDependency[SkipValidation[EventStreaming]],
) -> None:
    """Events of the jobs that the client subscribes to; see shared/rest/socket.py."""

    async def open_events(job_id: str, after: int) -> Batches:
        answer = await upstreams.jobs.GetJob(job_service_pb2.GetJobRequest(job_id=job_id))
        has_ended = to_job(answer.job).is_terminal
        return watch_events(upstreams.jobs, job_id, after, has_ended=has_ended)

    await socket.accept()
    session = EventSocket(
        _LitestarWire(socket),
        open_events,
        logins.tokens,
        stopping=streaming.stopping,
        counted=streaming.metrics.event_streams.track_inprogress,
    )
    await session.run(bearer_token(socket.scope))
