"""Messages of the WebSocket at /api/v1/ws; each is one JSON text."""

from typing import Annotated

import msgspec
from msgspec import Meta

from tensorfleet.shared.rest.events import Event
from tensorfleet.shared.rest.problems import Problem

MAX_MESSAGE_BYTES = 16 * 1024
MAX_SUBSCRIPTIONS = 64
AUTHENTICATION_SECONDS = 5.0

SubscriptionId = Annotated[str, Meta(max_length=128)]


class ClientMessage(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True
):
    """What a client says; `type` says which message it is."""


class Authenticate(ClientMessage, frozen=True, kw_only=True, tag="auth"):
    """Says who it is: the first message of a client without a header, later a newer token."""

    token: Annotated[str, Meta(min_length=1, max_length=8192)]


class Subscribe(ClientMessage, frozen=True, kw_only=True, tag="subscribe"):
    """Asks for a job's events, old ones first."""

    job_id: Annotated[str, Meta(min_length=1, max_length=128)]
    after: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    """Only events with a higher sequence number."""
    id: SubscriptionId = ""
    """Chosen by the client, and in every message about this subscription; empty: the job's id."""


class Unsubscribe(ClientMessage, frozen=True, kw_only=True, tag="unsubscribe"):
    """Asks for no more of it."""

    id: SubscriptionId


class Ping(ClientMessage, frozen=True, kw_only=True, tag="ping"):
    """Asks for a sign of life."""


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="ready"):
    """The token is good; the client may subscribe."""

    max_subscriptions: int = MAX_SUBSCRIPTIONS


class EventMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="event"):
    """The next event of a job."""

    id: str
    job_id: str
    event: Event


class End(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="end"):
    """The job has ended; the client has all of its events, and the subscription is no more."""

    id: str
    job_id: str


class Unsubscribed(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="unsubscribed"):
    """Nothing more comes of this subscription."""

    id: str


class Pong(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="pong"):
    """The sign of life."""


class ErrorMessage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="error"):
    """Something was not done. With an `id`, there is no such subscription (any more)."""

    id: str
    problem: Problem


Request = Authenticate | Subscribe | Unsubscribe | Ping
Answer = Ready | EventMessage | End | Unsubscribed | Pong | ErrorMessage
