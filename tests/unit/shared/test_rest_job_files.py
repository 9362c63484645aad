"""What a job may ask for."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.shared.errors import InvalidJob
from tensorfleet.shared.rest.job_files import (
    MAX_FILE_BYTES,
    check_job,
    memory_bytes,
    parse_job_file,
    read_job_file,
)

GOOD = """\
kind: train
code: ./src
resources: {cpus: 2, memory: 1.5GiB}
labels: {team: blue}
spec: {entrypoint: train.py, params: {lr: 0.1, deep: [1, null, true]}}
"""


def problems(text: str) -> dict[str, str]:
    with pytest.raises(InvalidJob) as caught:
        parse_job_file(text)
    assert all(problem.field in str(caught.value) for problem in caught.value.fields)
    return {problem.field: problem.message for problem in caught.value.fields}


def test_good_file() -> None:
    job = parse_job_file(GOOD)
    assert (job.kind, job.code, job.resources.cpus) == ("train", "./src", 2)
    assert job.resources.memory == "1.5GiB"
    assert memory_bytes(job.resources.memory) == 1536 * 1024 * 1024
    assert job.spec == {"entrypoint": "train.py", "params": {"lr": 0.1, "deep": [1, None, True]}}


def test_all_wrong_fields_are_named_with_what_to_do() -> None:
    found = problems(
        "kindd: train\npriority: urgent\nmax_attempts: '3'\ntimeout_seconds: 0\n"
        "resources: {cpus: .nan, memory: 3 apples, gpus: -1, gpuss: 1}\nlabels: {team: 5}\n"
        "spec: {a: .inf, when: 2020-01-01, 1: x, big: 99999999999999999999, deep: {2: 3}}\n"
    )
    assert found == {
        "kind": "is missing; it is required",
        "kindd": "is not a field here; did you mean kind?",
        "priority": "must be one of high, normal, low",
        "max_attempts": "must be a whole number, not text",
        "timeout_seconds": "must be > 0.0",
        "resources.cpus": "must be > 0.0",
        "resources.memory": '\'3 apples\' is no amount of memory; write "512MiB", "1GiB" or bytes',
        "resources.gpus": "must be >= 0",
        "resources.gpuss": "is not a field here; did you mean gpus?",
        "labels.team": "must be text, not a whole number; put it in quotes",
        "spec.a": "is not finite; JSON has no such number",
        "spec.when": "is a date, which JSON does not have; put it in quotes",
        "spec.1": "must be text; put the name in quotes",
        "spec.big": "is too large for 64 bits; put it in quotes",
        "spec.deep.2": "must be text; put the name in quotes",
    }


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("", "job", "is empty"),
        ("- kind", "job", "not a list"),
        ("hello", "job", "not text"),
        ("kind: [", "job", "line 1, column 8"),
        ("kind: a\n\tb: c", "job", "line 2"),
        ("kind: !!python/object/apply:os.system ['true']", "job", "could not determine"),
        ("kind: t\nspec: " + "[" * 5000, "job", "nested too deep"),
        ("kind: t\nspec: {a: &a [*a]}", "spec", "nested more than 64 deep"),
        ("kind: t\nresources: null", "resources", "must be an object"),
        ("kind: ''", "kind", "length >= 1"),
        ('kind: t\nname: "a\\nb"', "name", "control characters"),
        ("kind: t\nlabels: {'': x}", "labels.", "length >= 1"),
        ("kind: t\nresources: {memory: 1000}", "resources.memory", "1MiB"),
        ("kind: t\nresources: {memory: true}", "resources.memory", "not true or false"),
        ("kind: t\nresources: {memory: 9999999TiB}", "resources.memory", "1024TiB"),
        ("kind: t\nresources: {cpus: .inf}", "resources.cpus", "<= 100000"),
        ("kind: t\nspec: [1]", "spec", "must be an object, not a list"),
    ],
)
def test_wrong_file(text: str, field: str, message: str) -> None:
    found = problems(text)
    assert list(found) == [field]
    assert message in found[field]


SCHEDULED = """\
kind: train
resources: {exclusive: true}
retry_rules:
  - {reasons: [OUT_OF_MEMORY], max_retries: 0}
  - {exit_codes: [75], log_pattern: 'connection*refused', max_retries: 5}
initial_backoff_seconds: 0.5
max_backoff_seconds: 30
not_before_time: 2026-05-01 06:00:00+02:00
after: [job-1]
gang: true
preemptible: true
"""


def test_file_with_everything_about_scheduling() -> None:
    job = parse_job_file(SCHEDULED)
    assert job.resources.exclusive
    assert (job.resources.cpus, job.resources.memory) == (None, None)
    assert [rule.max_retries for rule in job.retry_rules] == [0, 5]
    assert job.not_before_time == datetime(2026, 5, 1, 4, tzinfo=UTC)
    assert (job.after, job.gang, job.preemptible) == (["job-1"], True, True)


@pytest.mark.parametrize(
    ("old", "new", "field", "message"),
    [
        ("gang: true", "gang: 1", "gang", "true or false"),
        ("[job-1]", "[1]", "after[0]", "must be text"),
        ("[job-1]", str(["job"] * 101), "after", "length <= 100"),
        ("+02:00", "", "not_before_time", "time zone"),
        (" 06:00:00+02:00", "", "not_before_time", "not a date"),
        ("2026-05", "2200-05", "not_before_time", "1970 to 2199"),
        ("max_retries: 5", "max_retries: 101", "retry_rules[1].max_retries", "<= 100"),
        (", max_retries: 5", "", "retry_rules[1].max_retries", "is missing"),
        ("max_retries: 5", "max_retrys: 5", "retry_rules[1].max_retrys", "max_retries?"),
        ("[75]", "[256]", "retry_rules[1].exit_codes[0]", "<= 255"),
        ("OUT_OF_MEMORY", "oom", "retry_rules[0].reasons[0]", "regex"),
        ("connection", "c" * 257, "retry_rules[1].log_pattern", "length <= 256"),
        ("seconds: 0.5", "seconds: 31", "initial_backoff_seconds", "at most max_backoff"),
        ("seconds: 0.5", "seconds: -1", "initial_backoff_seconds", ">= 0"),
        ("seconds: 30", "seconds: 1e9", "max_backoff_seconds", ""),
    ],
)
def test_what_is_wrong_about_scheduling_is_named(
    old: str, new: str, field: str, message: str
) -> None:
    text = SCHEDULED.replace(old, new)
    assert text != SCHEDULED
    if not field:
        parse_job_file(text)
        return
    found = problems(text)
    assert field in found
    assert message in found[field]


def test_seventeen_retry_rules_are_refused() -> None:
    with pytest.raises(InvalidJob) as caught:
        check_job({"kind": "t", "retry_rules": [{"max_retries": 1}] * 17})
    assert [problem.field for problem in caught.value.fields] == ["retry_rules"]


def test_few_lines_that_stand_for_billions_of_values_are_refused() -> None:
    lines = ["kind: t", "spec:", "  a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "500,000" in problems("\n".join(lines))["spec"]


def test_too_many_labels_are_refused() -> None:
    labels = {str(n): "x" for n in range(33)}
    with pytest.raises(InvalidJob) as caught:
        check_job({"kind": "t", "labels": labels})
    assert [problem.field for problem in caught.value.fields] == ["labels"]


def test_many_problems_are_cut() -> None:
    with pytest.raises(InvalidJob) as caught:
        check_job({"kind": "t", **{f"x{n}": 1 for n in range(1000)}})
    assert len(caught.value.fields) == 20
    assert "and 980 more" in str(caught.value)
    assert len(str(caught.value)) < 10_000


def test_huge_names_stay_short_in_messages() -> None:
    name = "n" * 1_000_000
    with pytest.raises(InvalidJob) as caught:
        check_job({"kind": "t", name: 1, "spec": {name: [[float("nan")] * 1000]}})
    assert len(str(caught.value)) < 10_000


@pytest.mark.parametrize(
    ("memory", "expected"),
    [
        ("512MiB", 512 * 1024**2),
        ("1GiB", 1024**3),
        ("1.5 gib", 1536 * 1024**2),
        ("2GB", 2 * 1000**3),
        ("1TiB", 1024**4),
        ("1048576", 1048576),
        ("5000000B", 5000000),
        (1048576, 1048576),
    ],
)
def test_amounts_of_memory(memory: int | str, expected: int) -> None:
    assert memory_bytes(memory) == expected


@pytest.mark.parametrize("memory", ["", "GiB", "1 apple", "-1GiB", "1e9", "1,5GiB", "\u0661GiB"])
def test_what_is_no_amount_of_memory(memory: str) -> None:
    with pytest.raises(ValueError, match="512MiB"):
        memory_bytes(memory)


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    for content, message in (
        (None, "No such file"),
        (b"\xff\xfe", "not UTF-8"),
        (b"#" * (MAX_FILE_BYTES + 1), "larger than"),
    ):
        path = tmp_path / "job.yaml"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InvalidJob, match=message):
            read_job_file(path)
    with pytest.raises(InvalidJob, match="Is a directory"):
        read_job_file(tmp_path)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=5), json_values, max_size=5))
def test_any_json_object_is_a_spec_and_survives_yaml(spec: dict[str, Any]) -> None:
    assert check_job({"kind": "t", "spec": spec}).spec == spec
    assert check_job(json.loads(json.dumps({"kind": "t", "spec": spec}))).spec == spec


@given(json_values)
def test_anything_else_is_refused_and_nothing_crashes(document: Any) -> None:
    if isinstance(document, dict) and "kind" in document:
        return
    with pytest.raises(InvalidJob):
        check_job(document)


@given(st.text(max_size=200))
def test_any_text_is_a_job_or_refused(text: str) -> None:
    try:
        parse_job_file(text)
    except InvalidJob:
        return
    assert yaml.safe_load(text)["kind"]


def test_key_that_stands_twice_is_refused() -> None:
    with pytest.raises(InvalidJob, match=r"has 'cpus' twice \(line 2\)"):
        parse_job_file("kind: command\nresources: {cpus: 1, cpus: 2}\nspec: {command: x}\n")
