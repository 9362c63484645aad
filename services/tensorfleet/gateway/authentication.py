"""Who sends a request: checks its bearer token and puts the caller into the context."""

from litestar.types import ASGIApp, Middleware, Receive, Scope, Send

from tensorfleet.gateway.tokens import Tokens
from tensorfleet.shared.caller import Caller, current_caller
from tensorfleet.shared.errors import Unauthenticated

# A route with this in its `opt` needs no token.
PUBLIC = {"public": True}

_SCHEME = b"bearer "


def require_token(tokens: Tokens) -> Middleware:
    """A middleware that lets only requests with a good token pass, except to public routes.

    A middleware and not a guard: Litestar copies the route's handler for each guard it calls.
    """

    def wrap(app: ASGIApp) -> ASGIApp:
        async def authenticate(scope: Scope, receive: Receive, send: Send) -> None:
            if not _is_public(scope):
                identity = tokens.read(_required_token(scope))
                current_caller.set(Caller(user=identity.user, project=identity.project))
            await app(scope, receive, send)

        return authenticate

    return wrap


def _is_public(scope: Scope) -> bool:
    return bool(scope["route_handler"].opt.get("public")) or scope.get("method") == "OPTIONS"


def bearer_token(scope: Scope) -> str:
    """The token in a request's header; empty when it has none."""
    for name, value in scope["headers"]:
        if name == b"authorization" and value[: len(_SCHEME)].lower() == _SCHEME:
            return value[len(_SCHEME) :].strip().decode("latin-1")
    return ""


def _required_token(scope: Scope) -> str:
    if token := bearer_token(scope):
        return token
    raise Unauthenticated(
        "this needs a token: send `Authorization: Bearer <token>`, which you get at "
        "POST /api/v1/auth/login"
    )
