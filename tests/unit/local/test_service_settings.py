"""The text of all settings."""

import re
from pathlib import Path

from tensorfleet.local.service_settings import SETTINGS_CLASSES, describe_all_settings

ENV_EXAMPLE = Path(__file__).parents[3] / ".env.example"


def test_env_example_is_what_the_settings_are() -> None:
    assert ENV_EXAMPLE.read_text() == describe_all_settings(), (
        "run: tensorfleet settings > .env.example"
    )


def test_every_setting_stands_once_and_is_explained() -> None:
    lines = describe_all_settings().splitlines()
    names = [m[1] for line in lines if (m := re.match(r"#?(TENSORFLEET_\w+)=", line))]
    assert len(names) == len(set(names)) > 50
    for number, line in enumerate(lines):
        if re.match(r"#?TENSORFLEET_\w+=", line):
            assert lines[number - 1].startswith("# ")
    for service in SETTINGS_CLASSES:
        assert f"# --- {service} ---" in lines
