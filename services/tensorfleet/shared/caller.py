"""On whose behalf a request runs, and its id: in context here, in metadata between services.

The gateway fills it in from the user's token. A service trusts it because the same request carries
the service token.
"""

import re
import secrets
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass

USER_KEY = "x-tensorfleet-user"
PROJECT_KEY = "x-tensorfleet-project"
REQUEST_ID_KEY = "x-request-id"

DEFAULT_PROJECT = "default"

_REQUEST_ID_PATTERN = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """A user within a project."""

    user: str
    project: str


# What a service does on its own account (sweeps, health checks) runs as this.
SYSTEM = Caller(user="system", project=DEFAULT_PROJECT)

current_caller: ContextVar[Caller] = ContextVar("current_caller", default=SYSTEM)
current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")


def new_request_id() -> str:
    """A request id for a request that brought none."""
    return secrets.token_hex(8)


def accept_request_id(given: str | None) -> str:
    """The given id when it is harmless in logs and headers, else a new one."""
    if given and _REQUEST_ID_PATTERN.fullmatch(given):
        return given
    return new_request_id()


def to_metadata() -> list[tuple[str, str]]:
    """The present context as gRPC metadata."""
    caller = current_caller.get()
    metadata = [(USER_KEY, caller.user), (PROJECT_KEY, caller.project)]
    if request_id := current_request_id.get():
        metadata.append((REQUEST_ID_KEY, request_id))
    return metadata


def from_metadata(metadata: Sequence[tuple[str, str | bytes]]) -> tuple[Caller, str]:
    """The caller and the request id of a received request."""
    values = {key: value for key, value in metadata if isinstance(value, str)}
    caller = Caller(
        user=values.get(USER_KEY, SYSTEM.user), project=values.get(PROJECT_KEY, SYSTEM.project)
    )
    return caller, accept_request_id(values.get(REQUEST_ID_KEY))
