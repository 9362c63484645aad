"""Logging in."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Login(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A user's name and password."""

    username: Annotated[str, Meta(min_length=1, max_length=128)]
    password: Annotated[str, Meta(min_length=1, max_length=1024)]


class AccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """Leave to act as a user for a while: `Authorization: Bearer <access_token>`."""

    access_token: str
    expires_in_seconds: int
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  a word of the protocol
