"""What the command line makes of a job file and options."""

from pathlib import Path

import pytest

from tensorfleet.cli.submit import job_document, parse_params
from tensorfleet.shared.errors import InvalidInput
from tensorfleet.shared.rest.job_files import check_job, parse_job_file

JOB = "kind: train\ncode: .\npriority: low\nspec: {entrypoint: t.py, params: {epochs: 3, seed: 1}}"


def test_options_go_over_the_file_and_the_rest_stays() -> None:
    document = job_document(
        parse_job_file(JOB),
        folder=Path("/jobs/digits"),
        params={"epochs": 9},
        name="other",
        priority="high",
    )
    checked = check_job(document)
    assert (checked.name, checked.priority) == ("other", "high")
    assert checked.spec["params"] == {"epochs": 9, "seed": 1}
    assert Path(checked.code) == Path("/jobs/digits")


def test_without_options_the_file_counts() -> None:
    document = job_document(
        parse_job_file(JOB), folder=Path("/jobs"), params={}, name="", priority=None
    )
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
