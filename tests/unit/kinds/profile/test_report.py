"""What a job's results mean, as JSON, and against an earlier job."""

import json
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from tensorfleet.kinds.profile.measurement import Cell, Problem
from tensorfleet.kinds.profile.report import report
from tensorfleet.kinds.profile.spec import Spec
from tensorfleet.kinds.task_result import TaskResult
from tensorfleet.shared.errors import InvalidInput
from tests.unit.kinds.profile.results_by_hand import (
    MACHINE,
    SIZES,
    SLOW_MACHINE,
    comparison,
    series,
    task,
)

SPEC = Spec(algorithms=("merge_sort",))


def linear(n: float) -> float:
    return 1e-7 * n


def test_series_has_its_class_its_cells_and_its_memory() -> None:
    measured = series(
        "merge_sort",
        lambda n: 1e-7 * n * float(np.log2(n)),
        expected="n log n",
        memory=lambda n: 16 * n,
    )
    (found,) = report(SPEC, [task(measured)], None, {})["series"]
    assert (found["algorithm"], found["input"]) == ("merge_sort", "random")
    assert (found["complexity"]["class"], found["agrees"]) == ("n log n", True)
    assert found["memory_complexity"]["class"] == "n"
    assert [cell["size"] for cell in found["cells"]] == list(SIZES)
    assert found["cells"][0]["cpu_percent"] == pytest.approx(75.0)
    assert found["cells"][0]["memory_mb"] == pytest.approx(16 * 256 / 1e6)
    assert found["cells"][0]["low"] < found["cells"][0]["median"] < found["cells"][0]["high"]


def test_class_other_than_the_expected_one_does_not_agree() -> None:
    (found,) = report(SPEC, [task(series("a", linear, expected="n^2"))], None, {})["series"]
    assert (found["complexity"]["class"], found["agrees"]) == ("n", False)


def test_everything_is_json_without_nan() -> None:
    results = [
        task(series("a", linear)),
        task(comparison([1.0, 1.2], rounds=3), 1),
        TaskResult(index=2, state="failed", message="it died"),
    ]
    json.dumps(report(SPEC, results, None, {}), allow_nan=False)


def test_tasks_without_a_result_are_listed_with_their_reason() -> None:
    results = [
        TaskResult(index=0, state="failed", message="out of memory"),
        TaskResult(index=1, state="queued"),
        TaskResult(index=2, state="succeeded", value={"type": "nonsense"}),
    ]
    failures = report(SPEC, results, None, {})["failures"]
    assert [failure["task"] for failure in failures] == [0, 1, 2]
    assert failures[0]["message"] == "out of memory"
    assert "queued" in failures[1]["message"]
    assert "cannot be read" in failures[2]["message"]


def test_size_that_could_not_be_measured_keeps_its_error() -> None:
    measured = series("a", linear)
    broken = Cell(size=10**6, error=Problem(code="TIMEOUT", message="a call took over 60 s"))
    measured = msgspec.structs.replace(measured, cells=(*measured.cells, broken))
    (found,) = report(SPEC, [task(measured)], None, {})["series"]
    assert found["cells"][-1]["error"]["code"] == "TIMEOUT"
    assert found["cells"][-1]["median"] is None
    assert found["complexity"]["class"] == "n"


def test_comparison_has_a_verdict_for_each_size_and_one_for_all() -> None:
    (found,) = report(SPEC, [task(comparison([1.0, 1.1, 1.3]))], None, {})["comparisons"]
    assert [size["verdict"] for size in found["sizes"]] == [
        "no evidence of a difference",
        "slower",
        "slower",
    ]
    assert found["verdict"] == "slower"
    assert found["summary"] == "new is slower than old at 2 of 3 sizes"
    assert found["sizes"][1]["low"] < 1.1 < found["sizes"][1]["high"]


def test_comparison_in_both_directions_is_mixed() -> None:
    (found,) = report(SPEC, [task(comparison([0.8, 1.3]))], None, {})["comparisons"]
    assert found["verdict"] == "mixed"


def test_regression_beyond_the_limit_is_marked_and_a_smaller_one_is_not() -> None:
    then = [task(series("a", linear, seed=1)), task(series("b", linear, seed=2), 1)]
    now = [
        task(series("a", lambda n: 1.10 * linear(n), seed=3)),
        task(series("b", lambda n: 1.001 * linear(n), seed=4), 1),
    ]
    found = report(SPEC, now, then, {"max_regression": "5%"})["against_baseline"]
    regressed = [cell["algorithm"] for cell in found["cells"] if cell["regressed"]]
    assert regressed == ["a"] * len(SIZES)
    assert found["regressions"] == len(SIZES)
    assert "slower by more than 5 %: a (random) at 256" in found["message"]
    loose = report(SPEC, now, then, {"max_regression": "0.25"})["against_baseline"]
    assert loose["regressions"] == 0


def test_sizes_of_only_one_job_are_listed() -> None:
    then = [task(series("a", linear, sizes=(100, 1000)))]
    now = [task(series("a", linear, sizes=(1000, 10_000)))]
    found = report(SPEC, now, then, {})["against_baseline"]
    assert [cell["size"] for cell in found["cells"]] == [1000]
    assert [cell["size"] for cell in found["missing"]] == [100]
    assert [cell["size"] for cell in found["added"]] == [10_000]


def test_results_of_another_machine_are_refused_and_both_are_named() -> None:
    then = [task(series("a", linear))]
    now = [task(series("a", lambda n: 2 * linear(n), machine=SLOW_MACHINE))]
    with pytest.raises(InvalidInput, match=r"Fast CPU.*Slow CPU.*normalize=true"):
        report(SPEC, now, then, {"max_regression": "5%"})


def test_results_of_another_machine_are_normalised_when_asked() -> None:
    then = [task(series("a", linear))]
    now = [task(series("a", lambda n: 2 * linear(n), machine=SLOW_MACHINE, seed=2))]
    options = {"max_regression": "5%", "normalize": "true"}
    found = report(SPEC, now, then, options)["against_baseline"]
    assert found["normalized"]
    assert found["regressions"] == 0
    assert "another machine" in found["message"]
    assert all("normalised" in cell["message"] for cell in found["cells"])
    assert found["cells"][0]["ratio"] == pytest.approx(1.0, abs=0.05)


def test_result_of_the_same_machine_is_preferred_over_another_ones() -> None:
    then = [task(series("a", linear)), task(series("a", linear, machine=SLOW_MACHINE), 1)]
    now = [task(series("a", linear, machine=SLOW_MACHINE))]
    found = report(SPEC, now, then, {})["against_baseline"]
    assert not found["normalized"]
    assert found["cells"][0]["baseline_machine"] == SLOW_MACHINE.fingerprint


def test_machine_without_a_yardstick_cannot_be_normalised() -> None:
    bare = msgspec.structs.replace(MACHINE, fingerprint="c" * 64, yardstick_seconds=0.0)
    then, now = [task(series("a", linear))], [task(series("a", linear, machine=bare))]
    with pytest.raises(InvalidInput, match="no yardstick"):
        report(SPEC, now, then, {"normalize": "true"})


def test_jobs_with_nothing_in_common_are_refused() -> None:
    with pytest.raises(InvalidInput, match="in common"):
        report(SPEC, [task(series("a", linear))], [task(series("b", linear))], {})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colour": "red"}, "colour is unknown"),
        ({"normalize": "perhaps"}, "must be true or false"),
        ({"max_regression": "much"}, "such as"),
        ({"max_regression": "-5%"}, "such as"),
        ({"max_regression": "nan"}, "such as"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, str], message: str) -> None:
    results = [task(series("a", linear))]
    with pytest.raises(InvalidInput, match=message):
        report(SPEC, results, results, options)


def test_options_of_a_baseline_need_one() -> None:
    with pytest.raises(InvalidInput, match="needs a baseline"):
        report(SPEC, [], None, {"max_regression": "5%"})


def test_report_of_no_results_is_empty() -> None:
    queued = replace(task(series("a", linear)), value=None, state="queued")
    found = report(SPEC, [queued], None, {})
    assert (found["series"], found["comparisons"], len(found["failures"])) == ([], [], 1)
