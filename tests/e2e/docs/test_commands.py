"""Every command in the documentation runs: the blocks marked `console`, against a real fleet.

`JOB` stands for the newest job.
"""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fleets import PROGRAM, FleetOnDisk

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


@pytest.fixture(scope="session", autouse=True)
def target_app() -> Iterator[None]:
    """What the page on load tests lets its reader start in another terminal."""
    command = [str(PROGRAM), "loadtest", "target", "--port", "8090"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert "8090" in process.stdout.readline()
            yield
        finally:
            process.terminate()


@pytest.mark.parametrize("command", COMMANDS)
def test_documented_command_works(
    fleet: FleetOnDisk, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    (ROOT / "build").mkdir(exist_ok=True)
    program, *arguments = shlex.split(command)
    assert program == "tensorfleet"
    if "JOB" in arguments:
        newest = json.loads(fleet.cli("jobs", "--limit", "1", "--json").stdout)["jobs"][0]["id"]
        arguments = [newest if argument == "JOB" else argument for argument in arguments]
    done = fleet.cli(*arguments)
    # On a busy machine a load test rightly says that it measured the generator.
    is_doubted = arguments[0] == "loadtest" and "INVALID" in done.stdout
    assert done.returncode in {0, int(is_doubted)}, f"{done.stdout}\n{done.stderr}"
    assert done.stdout or done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.name))
def test_links_within_the_documentation_lead_somewhere(page: Path) -> None:
    targets = [match[0] for match in LINK.findall(page.read_text())]
    assert not [target for target in targets if not (page.parent / target).exists()]
