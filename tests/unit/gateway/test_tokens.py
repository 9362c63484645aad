"""Access tokens."""

from datetime import UTC, datetime, timedelta

import pytest

from tensorfleet.gateway.tokens import Tokens
from tensorfleet.gateway.users import Identity, Role, User
from tensorfleet.shared.errors import Unauthenticated

SECRET = "s" * 40
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ADA = User(name="ada", password_hash="", role=Role.VIEWER, project="engines", create_time=NOW)


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def test_token_tells_user_project_and_role() -> None:
    tokens = Tokens(SECRET, timedelta(hours=1), Clock())
    expected = Identity(user="ada", project="engines", role=Role.VIEWER)
    assert tokens.read(tokens.issue(ADA)) == expected


def test_token_that_was_good_before_still_expires() -> None:
    clock = Clock()
    tokens = Tokens(SECRET, timedelta(hours=1), clock)
    token = tokens.issue(ADA)
    clock.now = NOW + timedelta(minutes=59)
    assert tokens.read(token).user == "ada"
    clock.now = NOW + timedelta(hours=1)
    for _ in range(2):
        with pytest.raises(Unauthenticated, match="expired"):
            tokens.read(token)


def test_refused_token_stays_refused() -> None:
    tokens = Tokens(SECRET, timedelta(hours=1), Clock())
    forged = Tokens("x" * 40, timedelta(hours=1), Clock()).issue(ADA)
    for _ in range(2):
        with pytest.raises(Unauthenticated, match="not one of this fleet"):
            tokens.read(forged)


def test_replicas_with_the_same_secret_understand_each_other() -> None:
    one, two = (Tokens(SECRET, timedelta(hours=1), Clock()) for _ in range(2))
    assert two.read(one.issue(ADA)).user == "ada"
