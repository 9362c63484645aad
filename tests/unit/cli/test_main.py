"""The command line as a process, without any fleet."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = [
    *("up", "down", "demo"),
    *("submit", "watch", "jobs", "show", "logs", "cancel"),
    "loadtest",
    *("results", "plot", "explain", "update", "pause", "resume", "retry"),
    *("predict", "datasets", "models"),
    *("status", "workers", "drain", "undrain", "doctor", "settings"),
]


def run(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("TENSORFLEET_")}
    return subprocess.run(
        [sys.executable, "-m", "tensorfleet.cli.main", *arguments],
        capture_output=True,
        text=True,
        env={**kept, "TENSORFLEET_HOME": str(home), "COLUMNS": "80", **variables},
        timeout=60,
        check=False,
    )


def test_help_lists_every_command_and_what_exit_statuses_mean(tmp_path: Path) -> None:
    done = run(tmp_path, "--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert f"│ {command} " in done.stdout
    assert "Exit status" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(tmp_path: Path, command: str) -> None:
    done = run(tmp_path, command, "--help")
    assert done.returncode == 0
    assert f"Usage: python -m tensorfleet.cli.main {command}" in " ".join(done.stdout.split())


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    program = (
        "import sys, tensorfleet.cli.main; "
        "print([m for m in ('httpx', 'grpc', 'pymongo', 'redis', 'minio', 'numpy', 'torch', "
        "'psutil', 'yaml', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("up", "--workers", "0"),
        ("up", "--workers", "many"),
        ("jobs", "--state", "odd"),
        ("watch",),
        ("update", "job-1"),
        ("update", "job-1", "--priority", "soon"),
        ("update", "job-1", "--label", "team"),
        ("submit", "missing-file.yaml"),
    ],
)
def test_wrong_usage_gives_status_2_without_a_traceback(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("jobs",),
        ("watch", "job-1"),
        ("explain", "job-1"),
        ("update", "job-1", "--priority", "high"),
        ("drain", "worker-1"),
        ("datasets",),
        ("models", "show", "m"),
    ],
)
def test_without_a_fleet_commands_give_status_3_and_say_how_to_start_one(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 3
    assert "tensorfleet up" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_debug_shows_where_an_error_comes_from(tmp_path: Path) -> None:
    assert "Traceback" in run(tmp_path, "status", TENSORFLEET_DEBUG="1").stderr


def test_down_without_a_fleet_is_fine(tmp_path: Path) -> None:
    assert run(tmp_path, "down").returncode == 0
    told = json.loads(run(tmp_path, "down", "--json").stdout)
    assert told == {"was_running": False, "seconds": 0.0}


def test_colours_are_only_for_terminals(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor")
    assert "\x1b" not in done.stdout + done.stderr
