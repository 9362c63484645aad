"""Settings come from the environment, once, or say what is missing."""

import pytest

from tensorfleet.orchestrator.settings import OrchestratorSettings
from tensorfleet.shared.errors import InvalidInput
from tensorfleet.shared.settings import describe_settings, load_settings

GIVEN = {
    "TENSORFLEET_SERVICE_TOKEN": "t",
    "TENSORFLEET_MONGO_URL": "mongodb://x/",
    "TENSORFLEET_REDIS_URL": "redis://x/",
}


def test_values_are_converted_and_defaults_filled_in() -> None:
    settings = load_settings(OrchestratorSettings, {**GIVEN, "TENSORFLEET_LEASE_SECONDS": "7.5"})
    assert settings.lease.total_seconds() == 7.5
    assert settings.orchestrator_listen == "127.0.0.1:7101"


def test_everything_wrong_is_told_at_once_by_variable() -> None:
    with pytest.raises(InvalidInput) as raised:
        load_settings(OrchestratorSettings, {"TENSORFLEET_LEASE_SECONDS": "soon"})
    assert {f.field for f in raised.value.fields} == {*GIVEN, "TENSORFLEET_LEASE_SECONDS"}


def test_value_out_of_range_is_refused() -> None:
    with pytest.raises(InvalidInput, match="TENSORFLEET_LEASE_SECONDS"):
        load_settings(OrchestratorSettings, {**GIVEN, "TENSORFLEET_LEASE_SECONDS": "0"})


def test_description_names_every_variable() -> None:
    text = describe_settings(OrchestratorSettings)
    assert "TENSORFLEET_MONGO_URL=\n" in text
    assert "#TENSORFLEET_LEASE_SECONDS=15.0" in text
