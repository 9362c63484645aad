"""A job as its events tell it."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from tensorfleet.cli.job_progress import JobProgress
from tensorfleet.shared.rest import events as e
from tensorfleet.shared.rest.jobs import Failure, Output

BEGIN = datetime(2026, 5, 1, 12, tzinfo=UTC)


def common(sequence: int, task: str = "job-1-0") -> dict[str, Any]:
    return {
        "sequence": sequence,
        "time": BEGIN + timedelta(seconds=sequence),
        "task_id": task,
        "attempt": 1 if task else 0,
    }


def test_progress_follows_states_metrics_and_outputs() -> None:
    progress = JobProgress()
    model = Output(type="model_version", name="m", version=1, artifact_id="a")
    for event in (
        e.JobStateEvent(**common(1, ""), state="running", is_terminal=False, failure=None),
        e.TaskStateEvent(**common(2), state="running", worker_id="worker-2", failure=None),
        e.ProgressEvent(**common(3), completed=2.0, total=10.0, unit="epochs"),
        e.MetricEvent(**common(4), step=1, values={"loss": 2.0}),
        e.MetricEvent(**common(5), step=2, values={"loss": "NaN"}),
        e.OutputEvent(**common(6), output=model),
    ):
        progress.take(event)
    assert (progress.state, progress.start_time) == ("running", BEGIN + timedelta(seconds=1))
    assert (progress.completed, progress.total, progress.unit) == (2.0, 10.0, "epochs")
    assert progress.tasks["job-1-0"].worker_id == "worker-2"
    assert progress.metrics["loss"].step == 2
    assert math.isnan(progress.metrics["loss"].latest)
    assert progress.outputs == [model]
    assert progress.last_sequence == 6
    assert progress.end_time is None


def test_end_has_its_reason_and_time() -> None:
    progress = JobProgress()
    failure = Failure(reason="USER_CODE", message="exit status 1")
    progress.take(
        e.JobStateEvent(**common(9, ""), state="failed", is_terminal=True, failure=failure)
    )
    assert progress.failure == failure
    assert progress.end_time == BEGIN + timedelta(seconds=9)


def test_notice_is_of_interest_until_the_job_runs() -> None:
    progress = JobProgress()
    progress.take(e.NoticeEvent(**common(1, ""), reason="RESOURCES", message="needs 4 GPUs"))
    assert progress.notice is not None
    assert progress.notice.message == "needs 4 GPUs"
    progress.take(
        e.JobStateEvent(**common(2, ""), state="running", is_terminal=False, failure=None)
    )
    assert progress.notice is None


def test_retried_job_has_not_ended() -> None:
    progress = JobProgress()
    failure = Failure(reason="USER_CODE", message="exit status 1")
    progress.take(
        e.JobStateEvent(**common(8, ""), state="failed", is_terminal=True, failure=failure)
    )
    progress.take(
        e.JobStateEvent(**common(9, ""), state="pending", is_terminal=False, failure=None)
    )
    assert (progress.state, progress.failure, progress.end_time) == ("pending", None, None)


def test_total_is_unknown_as_long_as_it_is_of_one_task() -> None:
    progress = JobProgress()
    progress.take(e.ProgressEvent(**common(1, "a"), completed=1.0, total=4.0, unit=""))
    progress.take(e.ProgressEvent(**common(2, "b"), completed=2.0, total=0.0, unit=""))
    assert (progress.completed, progress.total) == (3.0, 0.0)
    progress.take(e.ProgressEvent(**common(3, "b"), completed=2.0, total=6.0, unit=""))
    assert progress.total == 10.0
