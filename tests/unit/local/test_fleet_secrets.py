"""Secrets of a fleet: made once, then kept."""

import stat
from pathlib import Path

import pytest

from tensorfleet.local.fleet_secrets import read_or_make_secrets
from tensorfleet.shared.errors import InvalidInput


def test_secrets_are_made_once_and_only_their_owner_may_read_them(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    made = read_or_make_secrets(file, {})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_or_make_secrets(file, {}) == made
    assert len({made.service_token, made.jwt_secret, made.admin_password}) == 3
    assert min(map(len, (made.service_token, made.jwt_secret))) >= 32
    assert made.service_token not in repr(made)


def test_given_token_counts_each_time_and_given_password_at_the_first_start(
    tmp_path: Path,
) -> None:
    file = tmp_path / "secrets.json"
    first = read_or_make_secrets(file, {"TENSORFLEET_ADMIN_PASSWORD": "chosen"})
    assert first.admin_password == "chosen"
    later = read_or_make_secrets(
        file, {"TENSORFLEET_ADMIN_PASSWORD": "other", "TENSORFLEET_SERVICE_TOKEN": "t" * 40}
    )
    assert later.admin_password == "chosen"
    assert later.service_token == "t" * 40
    assert later.jwt_secret == first.jwt_secret
    assert read_or_make_secrets(file, {}).service_token == first.service_token


def test_damaged_file_is_refused_with_its_name(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    file.write_text("{")
    with pytest.raises(InvalidInput, match=r"secrets\.json is damaged"):
        read_or_make_secrets(file, {})
