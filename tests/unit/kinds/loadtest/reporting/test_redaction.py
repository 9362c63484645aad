"""Configurations without secrets."""

import pytest

from tensorfleet.kinds.loadtest.reporting.redaction import HIDDEN, without_secrets


@pytest.mark.parametrize(
    "config",
    [
        {"monitors": [{"password": "hunter2"}]},
        {"steps": [{"headers": {"Authorization": "Bearer hunter2"}}]},
        {"steps": [{"headers": {"X-API-Key": "hunter2"}}]},
        {"steps": [{"headers": {"cookie": "id=hunter2"}}]},
        {"environment": {"DB_PASSWORD": "hunter2", "API_TOKEN": "hunter2"}},
        {"targets": ["http://me:hunter2@host:80/x"]},
        {"steps": [{"json": {"user": "me", "passwd": "hunter2"}}]},
    ],
)
def test_literal_secrets_are_hidden(config: dict[str, object]) -> None:
    assert "hunter2" not in str(without_secrets(config))


def test_references_and_everything_else_stay() -> None:
    config = {
        "target": "http://host:8080/path@home",
        "monitors": [{"alias": "db", "password": "${env:DB_PASSWORD}", "ssh": "me@host"}],
        "steps": [{"headers": {"Authorization": "Bearer ${file:token.txt}", "Accept": "a"}}],
        "limits": {"connections": 3},
    }
    assert without_secrets(config) == config
    assert without_secrets({"password": "x"}) == {"password": HIDDEN}
