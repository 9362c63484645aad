"""Around every request, also those that no route takes: request id, headers, metrics."""

import time

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from tensorfleet.gateway.http_metrics import HttpMetrics
from tensorfleet.shared.caller import (
    SYSTEM,
    accept_request_id,
    current_caller,
    current_request_id,
)

DOCS_PATH = "/docs"

_UNMATCHED = "unmatched"

_SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
_CONTENT_POLICY = b"content-security-policy"
_API_POLICY = (_CONTENT_POLICY, b"default-src 'none'; frame-ancestors 'none'")
# Swagger UI has inline styles, and its page an inline script that starts it.
_DOCS_POLICY = (
    _CONTENT_POLICY,
    b"default-src 'self'; script-src 'self' 'unsafe-inline'; "
    b"style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
)
_NO_STORE = (b"cache-control", b"no-store")


class RequestContext:
    """The outermost ASGI application."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        request_id = accept_request_id(_given_request_id(scope))
        current_request_id.set(request_id)
        # A request that was pipelined behind another one starts in that one's context.
        current_caller.set(SYSTEM)
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        is_docs = scope["path"].startswith(DOCS_PATH)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message["headers"])
                headers.append((b"x-request-id", request_id.encode()))
                headers += _SECURITY_HEADERS
                given = {name.lower() for name, _ in headers}
                if _CONTENT_POLICY not in given:
                    headers.append(_DOCS_POLICY if is_docs else _API_POLICY)
                if not is_docs and b"cache-control" not in given:
                    headers.append(_NO_STORE)
                message["headers"] = headers
                self._metrics.count(
                    scope["method"],
                    str(scope.get("path_template") or _UNMATCHED),
                    message["status"],
                    time.monotonic() - started,
                )
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _given_request_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return value.decode("latin-1")
    return None
