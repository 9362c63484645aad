"""What the command line makes of a job file and options."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tensorfleet.cli.job_changes import parse_labels
from tensorfleet.cli.submit import job_document, parse_params
from tensorfleet.shared.errors import InvalidInput
from tensorfleet.shared.rest.job_files import check_job, parse_job_file

JOB = """\
kind: train
code: .
priority: low
labels: {a: x, b: x}
after: [job-1]
spec: {entrypoint: t.py, params: {epochs: 3, seed: 1}}
"""


def test_options_go_over_the_file_and_the_rest_stays() -> None:
    document = job_document(
        parse_job_file(JOB),
        folder=Path("/jobs/digits"),
        params={"epochs": 9},
        name="other",
        priority="high",
        labels={"b": "y"},
        after=["job-2"],
    )
    checked = check_job(document)
    assert (checked.name, checked.priority) == ("other", "high")
    assert (checked.labels, checked.after) == ({"a": "x", "b": "y"}, ["job-1", "job-2"])
    assert checked.spec["params"] == {"epochs": 9, "seed": 1}
    assert Path(checked.code) == Path("/jobs/digits")


def test_without_options_the_file_counts() -> None:
    document = job_document(
        parse_job_file(f"{JOB}\nnot_before_time: 2026-05-01T12:00:00Z"),
        folder=Path("/jobs"),
        params={},
        name="",
        priority=None,
        labels={},
        after=[],
    )
    assert check_job(document).not_before_time == datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert (document["priority"], document["spec"]["params"]["epochs"]) == ("low", 3)


def test_parameters_are_read_as_yaml_and_numbers_as_people_write_them() -> None:
    assert parse_params(
        ["a=3", "b=0.5", "c=1e-3", "d=true", "e=text", "f=[1, 2]", "g=x=y", "h=", "i=e5", "j='7'"]
    ) == {
        "a": 3,
        "b": 0.5,
        "c": 0.001,
        "d": True,
        "e": "text",
        "f": [1, 2],
        "g": "x=y",
        "h": None,
        "i": "e5",
        "j": "7",
    }


@pytest.mark.parametrize("wrong", ["epochs", "=3", "x=[1"])
def test_wrong_parameter_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidInput, match="--param"):
        parse_params([wrong])


def test_labels_are_text_and_may_be_empty() -> None:
    assert parse_labels(["team=vision", "n=3", "x=a=b", "e="]) == {
        "team": "vision",
        "n": "3",
        "x": "a=b",
        "e": "",
    }


@pytest.mark.parametrize("wrong", ["team", "=3"])
def test_wrong_label_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidInput, match="--label"):
        parse_labels([wrong])
