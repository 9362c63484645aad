"""What a request is answered that is still under way when the gateway's grace to stop is over."""

import asyncio

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from tensorfleet.gateway.problems import problem_of
from tensorfleet.shared.errors import Unavailable
from tensorfleet.shared.rest.problems import MEDIA_TYPE


class StoppedRequests:
    """Answers 503 for a cancelled request: the HTTP server's own 500 tells nobody to try again."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        has_answered = False

        async def send_and_note(message: Message) -> None:
            nonlocal has_answered
            has_answered = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except asyncio.CancelledError:
            if not has_answered:
                await _say_that_it_stops(send)
            raise


async def _say_that_it_stops(send: Send) -> None:
    problem = problem_of(
        503, Unavailable.reason, "this gateway stops; send the request again, to another one"
    )
    await send(
        {
            "type": "http.response.start",
            "status": 503,
            "headers": [
                (b"content-type", MEDIA_TYPE.encode()),
                (b"retry-after", b"1"),
                (b"connection", b"close"),
            ],
        }
    )
    await send(
        {
            "type": "http.response.body",
            "body": msgspec.json.encode(problem),
            "more_body": False,
        }
    )
