"""What a load-test job shows: rows, report, plots."""

import subprocess
import sys

import msgspec
import pytest

from tensorfleet.kinds.loadtest.plots import PLOTS, plot
from tensorfleet.kinds.loadtest.record import Document
from tensorfleet.kinds.loadtest.report import report
from tensorfleet.kinds.loadtest.result import rows
from tensorfleet.kinds.loadtest.spec import Spec
from tensorfleet.kinds.registry import find_kind
from tensorfleet.kinds.task_result import TaskResult
from tensorfleet.shared.errors import InvalidInput
from tests.unit.kinds.loadtest.documents_by_hand import document, point

SPEC = Spec(target="http://127.0.0.1:8080")


def results(made: Document) -> list[TaskResult]:
    return [
        TaskResult(index=1, state="succeeded", value={"generator": "other"}),
        TaskResult(index=0, state="succeeded", value=msgspec.to_builtins(made)),
    ]


RUNNING = [TaskResult(index=0, state="running"), TaskResult(index=1, state="running")]


def test_rows_are_the_points() -> None:
    table = rows(SPEC, results(document()))
    assert [row["label"] for row in table] == ["100/s", "200/s", "300/s"]
    assert rows(SPEC, RUNNING) == []


def test_report_says_what_it_means_and_is_json() -> None:
    made = report(SPEC, results(document(is_full=True)), None, {})
    assert made["verdict"] == "FAILED"
    assert made["search"]["best"] == 200.0
    assert made["bottleneck"]["first"]["resource"] == "cpu"
    assert [row["label"] for row in made["points"]] == ["100/s", "200/s", "300/s"]
    assert msgspec.json.encode(made)


def test_report_of_a_failed_job_says_why() -> None:
    failed = [TaskResult(index=0, state="failed", message="the target refuses")]
    made = report(SPEC, failed, None, {})
    assert made["failures"] == [{"task": 0, "message": "the target refuses"}]
    assert "verdict" not in made


def test_report_compares_with_a_baseline() -> None:
    made = report(SPEC, results(document(factor=2.0)), results(document()), {"rate": "200"})
    (level,) = made["against_baseline"]["levels"]
    base, this = level["entries"]
    assert (base["alias"], this["alias"]) == ("baseline", "this")
    assert this["response_ratios"]["p50"] == pytest.approx(2.0, rel=0.01)


def test_wrong_wishes_are_refused() -> None:
    with pytest.raises(InvalidInput, match="load is for a comparison"):
        report(SPEC, results(document()), None, {"load": "1"})
    with pytest.raises(InvalidInput, match="colour is unknown"):
        report(SPEC, results(document()), results(document()), {"colour": "1"})
    with pytest.raises(InvalidInput, match="no results yet"):
        report(SPEC, results(document()), RUNNING, {})
    odd = [TaskResult(index=0, state="succeeded", value={"x": 1})]
    with pytest.raises(InvalidInput, match="no load test of this version"):
        rows(SPEC, odd)


def test_plots_are_drawn_through_the_registry() -> None:
    kind = find_kind("loadtest")
    assert kind.plots == PLOTS
    options = {"points": "100/s"}
    made = results(document(point(), point(100.0)))
    assert kind.plot("violin", SPEC, made, "png", options).startswith(b"\x89PNG")
    with pytest.raises(InvalidInput, match="nothing to draw yet"):
        plot("violin", SPEC, RUNNING, "png", {})


@pytest.mark.parametrize(
    "module",
    ["kinds.loadtest.result", "kinds.loadtest.spec", "kinds.loadtest.record", "cli.loadtest"],
)
def test_module_is_imported_without_what_only_load_tests_need(module: str) -> None:
    heavy = ("numpy", "matplotlib", "uvloop", "asyncssh", "psutil", "grpc")
    program = (
        f"import sys; import tensorfleet.{module}; "
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
