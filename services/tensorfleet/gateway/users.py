"""A user: who may act, in which project, and in which role."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

ADMIN_NAME = "admin"


class Role(Enum):
    """What a user may do."""

    ADMIN = "admin"
    USER = "user"
    VIEWER = "viewer"
    SERVICE = "service"


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Someone who can log in."""

    name: str
    password_hash: str
    """argon2id, in its own text form."""
    role: Role
    project: str
    """The project whose jobs, data and models the user sees."""
    create_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a token says of its bearer."""

    user: str
    project: str
    role: Role


class UserStore(Protocol):
    """Where users are kept, by name."""

    async def find(self, name: str) -> User | None:
        """The user of this name, if there is one.

        Raises:
            Unavailable: The store does not answer.
        """

    async def add(self, user: User) -> bool:
        """Adds a user, atomically; false when the name was taken, and then nothing changed.

        Raises:
            Unavailable: The store does not answer.
        """
