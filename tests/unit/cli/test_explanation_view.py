"""Why a job waits, as people see it."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from tensorfleet.cli.explanation_view import explanation_view
from tensorfleet.shared.rest.job_changes import Blocker, Explanation

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
EVIL = "[red]bold[/] :smile:"


def shown(width: int = 100, **changes: Any) -> str:
    values: dict[str, Any] = {
        "job_id": "job-1m7yr5039tygw8nf6et61",
        "state": "pending",
        "queue_position": 0,
        "blockers": [],
        "estimated_start_time": None,
    }
    console = Console(file=io.StringIO(), width=width, markup=False, emoji=False, highlight=False)
    console.print(explanation_view(Explanation(**{**values, **changes}), NOW))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_waiting_job_has_its_place_its_blockers_and_its_start() -> None:
    text = shown(
        queue_position=1204,
        blockers=[
            Blocker(reason="RESOURCES", message=f"needs 4 GPUs; the largest worker has 2 {EVIL}"),
            Blocker(reason="GANG", message="its 8 tasks start together"),
        ],
        estimated_start_time=NOW + timedelta(minutes=3),
    )
    assert "1,204 tasks go before it" in text
    assert "in 3 min" in text
    assert f"RESOURCES   needs 4 GPUs; the largest worker has 2 {EVIL}" in text
    assert "GANG        its 8 tasks start together" in text


def test_long_reasons_fit_a_narrow_window() -> None:
    text = shown(60, blockers=[Blocker(reason="RESOURCES", message="word " * 40)])
    assert max(map(len, text.splitlines())) <= 60
    assert text.count("word") == 40


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "starts as soon as a worker takes it"),
        ({"queue_position": 1}, "1 task goes before it"),
        ({"state": "running"}, "does not wait: its tasks run"),
        ({"state": "failed"}, "tensorfleet show job-1m7yr5039tygw8nf6et61"),
        ({"estimated_start_time": NOW - timedelta(seconds=5)}, "now, at "),
    ],
)
def test_job_that_nothing_blocks(changes: dict[str, Any], line: str) -> None:
    assert line in shown(**changes)


def test_job_that_does_not_wait_has_no_place() -> None:
    assert "place" not in shown(state="running")
    assert "may start" not in shown(state="succeeded")
    blocked = [Blocker(reason="RESOURCES", message="two of its tasks wait")]
    assert "place" in shown(state="running", blockers=blocked)
