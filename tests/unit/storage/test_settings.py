"""Settings of the storage service."""

import pytest

from tensorfleet.shared.errors import InvalidInput
from tensorfleet.shared.settings import load_settings
from tensorfleet.storage.settings import MIB, StorageSettings

REQUIRED = {
    "TENSORFLEET_SERVICE_TOKEN": "t" * 32,
    "TENSORFLEET_MONGO_URL": "mongodb://m/",
    "TENSORFLEET_S3_URL": "http://s3:9000",
    "TENSORFLEET_S3_ACCESS_KEY": "a",
    "TENSORFLEET_S3_SECRET_KEY": "b",
}


def test_required_settings_are_enough() -> None:
    settings = load_settings(StorageSettings, REQUIRED)
    assert settings.storage_listen == "127.0.0.1:7102"
    assert settings.upload_part_bytes == 64 * MIB


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_missing_setting_is_named(name: str) -> None:
    given = {key: value for key, value in REQUIRED.items() if key != name}
    with pytest.raises(InvalidInput, match=f"{name}: must be set"):
        load_settings(StorageSettings, given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TENSORFLEET_UPLOAD_PART_BYTES", "1000"),
        ("TENSORFLEET_URL_TTL_SECONDS", str(8 * 24 * 3600)),
        ("TENSORFLEET_UPLOAD_TTL_SECONDS", "soon"),
        ("TENSORFLEET_STORAGE_TRANSFER_THREADS", "0"),
    ],
)
def test_value_that_s3_would_not_take_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        load_settings(StorageSettings, {**REQUIRED, name: value})
