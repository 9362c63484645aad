"""Profile results as a table."""

import json

import pytest

from tensorfleet.kinds.profile.result import rows
from tensorfleet.kinds.profile.spec import Spec
from tensorfleet.kinds.task_result import TaskResult
from tests.unit.kinds.profile.results_by_hand import END, SIZES, comparison, series, task

SPEC = Spec(algorithms=("a",))


def test_every_size_has_a_row_and_a_comparison_one_a_side() -> None:
    results = [
        task(series("a", lambda n: 1e-6 * n), 0),
        task(comparison([1.0, 1.5]), 1),
        TaskResult(index=2, state="failed", message="it died"),
    ]
    table = rows(SPEC, results)
    assert [row["task"] for row in table] == [0] * len(SIZES) + [1] * 4 + [2]
    assert [(row["algorithm"], row["side"]) for row in table[-5:-1]] == [
        ("old", "a"),
        ("new", "b"),
    ] * 2
    assert table[-1]["error"] == "it died"


def test_all_rows_have_the_same_flat_columns() -> None:
    results = [
        task(series("a", lambda n: 1e-6 * n), 0),
        task(comparison([1.0]), 1),
        TaskResult(index=2, state="queued"),
    ]
    table = rows(SPEC, results)
    assert len({tuple(row) for row in table}) == 1
    assert all(
        value is None or isinstance(value, (str, int, float))
        for row in table
        for value in row.values()
    )


def test_row_says_what_was_measured() -> None:
    row = rows(SPEC, [task(series("a", lambda n: 1e-6 * n, memory=lambda n: 1_000 * n))])[0]
    assert row["execution_time_s"] == pytest.approx(256e-6, rel=0.05)
    assert row["execution_time_low_s"] < row["execution_time_s"] < row["execution_time_high_s"]
    assert row["memory_mb"] == pytest.approx(0.256)
    assert row["peak_memory_mb"] == pytest.approx(30.256)
    assert row["cpu_percent"] == pytest.approx(75.0)
    assert (row["iterations"], row["processes"]) == (360, 12)
    assert row["timestamp"] == END
    assert json.loads(row["parameters"])["loops"] == 10
    assert json.loads(row["metadata"])["machine"] == "a" * 64
