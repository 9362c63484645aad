"""The gateway's settings."""

import pytest

from tensorfleet.gateway.settings import GatewaySettings
from tensorfleet.shared.errors import InvalidInput
from tensorfleet.shared.settings import load_settings

GIVEN = {
    "TENSORFLEET_SERVICE_TOKEN": "s" * 32,
    "TENSORFLEET_JWT_SECRET": "j" * 32,
    "TENSORFLEET_MONGO_URL": "mongodb://x/",
}


def test_secrets_are_all_that_must_be_given() -> None:
    settings = load_settings(GatewaySettings, GIVEN)
    assert settings.gateway_listen == "127.0.0.1:7100"
    assert settings.access_token_ttl_seconds == 3600
    assert settings.max_body_bytes == 8 * 1024 * 1024
    assert settings.allowed_origins == []


@pytest.mark.parametrize("missing", list(GIVEN))
def test_missing_secret_is_named(missing: str) -> None:
    given = {name: value for name, value in GIVEN.items() if name != missing}
    with pytest.raises(InvalidInput, match=f"{missing}: must be set"):
        load_settings(GatewaySettings, given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TENSORFLEET_JWT_SECRET", "short"),
        ("TENSORFLEET_ACCESS_TOKEN_TTL_SECONDS", "0"),
        ("TENSORFLEET_MAX_BODY_BYTES", "many"),
    ],
)
def test_wrong_value_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        load_settings(GatewaySettings, {**GIVEN, name: value})


def test_origins_are_separated_by_commas() -> None:
    given = {**GIVEN, "TENSORFLEET_CORS_ALLOWED_ORIGINS": "https://a.example, https://b.example,"}
    origins = load_settings(GatewaySettings, given).allowed_origins
    assert origins == ["https://a.example", "https://b.example"]
