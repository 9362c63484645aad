"""Every command in the documentation runs: the blocks marked `console`, against a real fleet.

`JOB` stands for the newest job.
"""

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.fleets import FleetOnDisk

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(#[^)]*)?\)")


def commands_of(page: Path) -> list[str]:
    lines = [line for block in BLOCK.findall(page.read_text()) for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


COMMANDS = [
    pytest.param(command, id=f"{page.name}: {command}")
    for page in PAGES
    for command in commands_of(page)
]


def test_there_are_commands_to_run() -> None:
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("command", COMMANDS)
def test_documented_command_works(
    fleet: FleetOnDisk, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    program, *arguments = shlex.split(command)
    assert program == "tensorfleet"
    if "JOB" in arguments:
        newest = json.loads(fleet.cli("jobs", "--limit", "1", "--json").stdout)["jobs"][0]["id"]
        arguments = [newest if argument == "JOB" else argument for argument in arguments]
    done = fleet.cli(*arguments)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert done.stdout or done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_links_within_the_documentation_lead_somewhere(page: Path) -> None:
    targets = [match[0] for match in LINK.findall(page.read_text())]
    assert not [target for target in targets if not (page.parent / target).exists()]
