"""Kinds are found by entry point, and each room keeps its word."""

import subprocess
import sys
from pathlib import Path

import pytest

from tensorfleet.kinds.outcome import OutputType, ProducedOutput
from tensorfleet.kinds.registry import Kind, find_kind, kind_names
from tensorfleet.shared.errors import InvalidJob, UnknownKind

MODEL = ProducedOutput(
    type=OutputType.MODEL_VERSION, name="digits", version=1, artifact_id="a" * 64
)


def test_installed_kinds_are_found() -> None:
    assert {"call", "command", "train"} <= set(kind_names())


def test_unknown_kind_lists_those_that_exist() -> None:
    with pytest.raises(UnknownKind, match="call, command, loadtest, profile, train"):
        find_kind("nonsense")


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "spec"),
        ({"entrypoint": "train.py", "epochs": 3}, "spec"),
        ({"entrypoint": 5}, "spec.entrypoint"),
        ({"entrypoint": "../train.py"}, "spec.entrypoint"),
        ({"entrypoint": "/etc/passwd.py"}, "spec.entrypoint"),
        ({"entrypoint": "train.sh"}, "spec.entrypoint"),
        ({"entrypoint": "train.py", "params": []}, "spec.params"),
        ({"entrypoint": "train.py", "datasets": ["a b"]}, "spec.datasets[0]"),
        ({"entrypoint": "train.py", "datasets": ["a:0"]}, "spec.datasets[0]"),
        ({"entrypoint": "train.py", "model": "a/b"}, "spec.model"),
        ({"entrypoint": "train.py", "environment": {"A=B": "x"}}, "spec.environment.A=B"),
        (
            {"entrypoint": "train.py", "environment": {"TENSORFLEET_X": "x"}},
            "spec.environment.TENSORFLEET_X",
        ),
    ],
)
def test_wrong_training_spec_names_its_field(document: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidJob) as raised:
        find_kind("train").parse_spec(document)
    assert [f.field for f in raised.value.fields] == [field]


def test_missing_field_and_unknown_field_are_named() -> None:
    with pytest.raises(InvalidJob, match="entrypoint"):
        find_kind("train").parse_spec({})
    with pytest.raises(InvalidJob, match="epochs"):
        find_kind("train").parse_spec({"entrypoint": "train.py", "epochs": 3})


def test_all_problems_of_a_spec_are_told_at_once() -> None:
    with pytest.raises(InvalidJob) as raised:
        find_kind("train").parse_spec({"entrypoint": "x", "model": "/", "datasets": ["?"]})
    assert len(raised.value.fields) == 3


@pytest.mark.parametrize(
    ("entrypoint", "files", "is_there"),
    [
        ("train.py", {"train.py", "a.txt"}, True),
        ("sub/train.py", {"sub/train.py"}, True),
        ("train.py", {"sub/train.py"}, False),
        ("pkg.train:main", {"pkg/train.py"}, True),
        ("pkg:main", {"pkg/__init__.py"}, True),
        ("pkg.other:main", {"pkg/train.py"}, False),
    ],
)
def test_entrypoint_must_be_in_the_code_folder(
    entrypoint: str, files: set[str], is_there: bool
) -> None:
    kind = find_kind("train")
    spec = kind.parse_spec({"entrypoint": entrypoint})
    if is_there:
        kind.check_code(spec, frozenset(files))
    else:
        with pytest.raises(InvalidJob, match="is not in the code folder"):
            kind.check_code(spec, frozenset(files))


def test_training_that_saved_its_model_kept_its_promise() -> None:
    kind = find_kind("train")
    spec = kind.parse_spec({"entrypoint": "train.py", "model": "digits"})
    assert kind.judge(spec, (MODEL,)) is None


def test_training_without_its_promised_model_has_a_missing_result() -> None:
    kind = find_kind("train")
    spec = kind.parse_spec({"entrypoint": "train.py", "model": "other"})
    shortfall = kind.judge(spec, (MODEL,))
    assert shortfall is not None
    assert shortfall.reason == "MISSING_RESULT"
    assert 'name="other"' in shortfall.message


@pytest.mark.parametrize("command", ["", "  ", [], ["", "x"], ["a\0b"]])
def test_empty_or_broken_command_is_refused(command: object) -> None:
    with pytest.raises(InvalidJob):
        find_kind("command").parse_spec({"command": command})


def test_plan_of_a_shell_line_keeps_it_whole() -> None:
    kind = find_kind("command")
    (task,) = kind.plan(kind.parse_spec({"command": "echo a && echo b"}))
    assert task.payload == {"words": ["echo a && echo b"], "is_shell_line": True}


def test_command_runs_in_as_many_tasks_as_were_asked_for() -> None:
    kind = find_kind("command")
    tasks = kind.plan(kind.parse_spec({"command": ["x"], "count": 3}))
    assert [task.payload["words"] for task in tasks] == [["x"]] * 3
    for count in (0, 100_001):
        with pytest.raises(InvalidJob, match=r"spec.count: must be 1 to 100,000"):
            kind.parse_spec({"command": ["x"], "count": count})


@pytest.mark.parametrize("name", ["train", "command", "call"])
def test_every_room_has_its_four_modules(name: str) -> None:
    room = Path(__import__(find_kind(name).room, fromlist=["x"]).__file__ or "").parent
    assert {"spec.py", "plan.py", "run.py", "result.py"} <= {p.name for p in room.iterdir()}


def test_no_service_names_a_kind() -> None:
    """Adding a kind must touch one folder: nobody outside compares with a kind's name."""
    services = Path(sys.modules["tensorfleet"].__file__ or "").parent
    pattern = r"""["'](call|train|command)["']"""
    found = subprocess.run(
        ["grep", "-rnE", pattern, services, "--include=*.py", "--exclude-dir=kinds"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout == ""


def test_a_kind_is_a_value() -> None:
    assert find_kind("train") == Kind("train", "tensorfleet.kinds.train")
