"""What `tensorfleet loadtest` makes of its options."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tensorfleet.cli.loadtest_configuration import (
    arrivals,
    configuration,
    duration_seconds,
    headers,
    monitors,
    with_request,
)
from tensorfleet.kinds.loadtest.reporting.arrival_text import arrivals_text, planned_seconds
from tensorfleet.kinds.loadtest.spec import Spec
from tensorfleet.shared.errors import InvalidInput

NOTHING: dict[str, Any] = {
    "rate": None,
    "to_rate": None,
    "duration_seconds": None,
    "steps": None,
    "users": None,
    "replay": "",
    "seed": None,
}


@pytest.mark.parametrize(
    ("url", "target", "path"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", None),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080", None),
        ("https://host/a/b?c=d", "https://host", "/a/b?c=d"),
        ("http://host?c=d", "http://host", "/?c=d"),
        ("grpc://host:1", "grpc://host:1", None),
    ],
)
def test_url_is_a_target_and_a_path(url: str, target: str, path: str | None) -> None:
    config, _ = configuration(url)
    spec = msgspec.convert(config, Spec)
    assert spec.target == target
    assert [step.path for step in spec.steps] == ([] if path is None else [path])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "target: http://host:1\nname: shop\n"),
        ("a.json", '{"target": "http://host:1", "name": "shop"}'),
        ("job.yaml", "kind: loadtest\nspec:\n  target: http://host:1\n  name: shop\n"),
    ],
)
def test_configuration_is_a_file_or_a_job_file(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    config, folder = configuration(str(path))
    assert config == {"target": "http://host:1", "name": "shop"}
    assert folder == tmp_path


def test_files_of_a_job_are_in_its_code_folder(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text("kind: loadtest\ncode: mine\nspec: {target: 'http://host:1'}\n")
    assert configuration(str(path))[1] == tmp_path / "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no configuration"),
        ("- 1", "holds no configuration"),
        ("target: [", "is not YAML"),
        ("target: a\ntarget: b", "twice"),
        ("kind: train\nspec: {}", "is a train job: tensorfleet submit"),
        ("kind: loadtest\nspecs: {}", "spec"),
    ],
)
def test_files_that_hold_something_else_are_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=message):
        configuration(str(path))


def test_missing_files_and_targets_without_scheme_are_told_apart() -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        configuration("none.yaml")
    with pytest.raises(InvalidInput, match="neither a file nor a URL; a target is http://"):
        configuration("localhost:8080")


@pytest.mark.parametrize(
    ("shape", "options", "text", "seconds"),
    [
        ("", {"rate": 500.0}, "500/s, evenly, for 30 s", 30),
        ("", {"rate": 0.5, "duration_seconds": 4.0}, "0.5/s, evenly, for 4 s", 4),
        ("poisson", {"rate": 5.0, "seed": 3}, "5/s, at random (Poisson), for 30 s", 30),
        ("ramp", {"rate": 1.0, "to_rate": 9.0}, "from 1/s to 9/s within 30 s", 30),
        (
            "staircase",
            {"rate": 100.0, "to_rate": 300.0, "steps": 3, "duration_seconds": 60.0},
            "3 steps of 20 s from 100/s, by +100/s each",
            60,
        ),
        (
            "spike",
            {"rate": 10.0, "to_rate": 100.0, "duration_seconds": 10.0},
            "10/s for 10 s, with a peak of 100/s for 2 s",
            10,
        ),
        ("closed", {"users": 7}, "7 users in a closed loop for 30 s", 30),
        ("", {"users": 7}, "7 users in a closed loop for 30 s", 30),
        ("", {"replay": "times.txt"}, "as recorded in times.txt", None),
    ],
)
def test_shapes_are_what_the_options_say(
    shape: str, options: dict[str, Any], text: str, seconds: float | None
) -> None:
    made = arrivals(shape, **(NOTHING | options))
    spec = msgspec.convert({"target": "http://host", "arrivals": made}, Spec)
    assert spec.arrivals is not None
    assert arrivals_text(spec.arrivals) == text
    assert planned_seconds(spec.arrivals) == pytest.approx(seconds)


def test_without_options_the_files_arrivals_stay() -> None:
    assert arrivals("", **NOTHING) is None


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ("", {"duration_seconds": 3.0}, "--duration needs a --rate"),
        ("ramp", {"rate": 3.0}, "--shape ramp needs --to-rate"),
        ("poisson", {}, "--shape poisson needs --rate"),
        ("closed", {}, "--shape closed needs --users"),
        ("replay", {}, "--shape replay needs --replay"),
        ("staircase", {"rate": 1.0, "to_rate": 2.0, "steps": 1}, "2 or more"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    shape: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        arrivals(shape, **(NOTHING | options))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("500ms", 0.5),
        ("2m", 120),
        ("1h", 3600),
        ("7", 7),
        ("1.5 s", 1.5),
        ("24h", 86_400),
    ],
)
def test_durations_have_units(text: str, seconds: float) -> None:
    assert duration_seconds(text, "--duration") == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "-3s", "3 weeks", "1e9", "nan"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"--duration .* is no time"):
        duration_seconds(text, "--duration")


def test_request_options_make_the_one_step() -> None:
    config, _ = configuration("http://host/login")
    made = with_request(config, method="", fields=headers(["X-A: b:c"]), body="{}")
    (step,) = msgspec.convert(made, Spec).steps
    assert (step.method, step.path, step.body) == ("POST", "/login", "{}")
    assert step.headers == {"X-A": "b:c"}
    for config in ({"case": "fibonacci"}, {"steps": [{}, {}]}):
        with pytest.raises(InvalidInput, match="are for a URL"):
            with_request(config, method="PUT", fields={}, body="")
    with pytest.raises(InvalidInput, match="'Name: value'"):
        headers(["nonsense"])


def test_monitors_are_read_by_their_source() -> None:
    texts = ["me=local", "db=ssh:root@db:22", "web=http://web:9100/metrics"]
    assert monitors(texts) == [
        {"alias": "me", "local": True},
        {"alias": "db", "ssh": "root@db:22"},
        {"alias": "web", "prometheus": "http://web:9100/metrics"},
    ]
    for wrong in ("db", "db=", "db=me@host"):
        with pytest.raises(InvalidInput, match="ALIAS=local"):
            monitors([wrong])
