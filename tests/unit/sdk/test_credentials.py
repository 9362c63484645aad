"""Finding the fleet."""

from pathlib import Path

import pytest

from tensorfleet.sdk.credentials import Credentials, find_credentials, fleet_home
from tensorfleet.shared.errors import Unauthenticated

URL = {"TENSORFLEET_URL": "http://fleet"}
GOOD = '{"url": "http://here", "username": "admin", "password": "pw", "more": 1}'


def test_environment_with_a_token() -> None:
    found = find_credentials({**URL, "TENSORFLEET_TOKEN": "t"})
    assert found == Credentials(url="http://fleet", token="t")


def test_environment_with_a_password() -> None:
    names = {"TENSORFLEET_USERNAME": "u", "TENSORFLEET_PASSWORD": "p"}
    found = find_credentials({**URL, **names})
    assert found == Credentials(url="http://fleet", username="u", password="p")


@pytest.mark.parametrize("given", [{}, {"TENSORFLEET_USERNAME": "u"}])
def test_url_without_credentials_says_what_to_set(given: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated, match="TENSORFLEET_TOKEN"):
        find_credentials({**URL, **given})


def test_file_of_the_fleet_on_this_machine(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text(GOOD)
    found = find_credentials({"TENSORFLEET_HOME": str(tmp_path)})
    assert found == Credentials(url="http://here", username="admin", password="pw")


def test_environment_goes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text(GOOD)
    environment = {"TENSORFLEET_HOME": str(tmp_path), **URL, "TENSORFLEET_TOKEN": "t"}
    assert find_credentials(environment).url == "http://fleet"


def test_no_fleet_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(Unauthenticated, match="tensorfleet up"):
        find_credentials({"TENSORFLEET_HOME": str(tmp_path)})


@pytest.mark.parametrize("content", [b"", b"{", b'{"url": 1}', b"\xff", b"[]"])
def test_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "credentials.json").write_bytes(content)
    with pytest.raises(Unauthenticated, match=r"credentials\.json is damaged"):
        find_credentials({"TENSORFLEET_HOME": str(tmp_path)})


def test_home_is_in_the_users_home_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    assert fleet_home({}) == Path("/somewhere/.tensorfleet")


def test_secrets_are_not_shown() -> None:
    shown = repr(Credentials(url="http://x", token="tttt", username="u", password="pppp"))
    assert "tttt" not in shown
    assert "pppp" not in shown
