"""What people see of a job, at two widths and in a file."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from tensorfleet.cli.job_progress import JobProgress
from tensorfleet.cli.job_tables import JobTable, job_details
from tensorfleet.cli.watch_view import JobPanel, watch_job
from tensorfleet.shared.rest import events as e
from tensorfleet.shared.rest.jobs import Failure, Job, Output, Resources, RetryRule, TaskCounts

BEGIN = datetime(2026, 5, 1, 12, tzinfo=UTC)
EVIL = "[red]bold[/] :smile: [link=http://x]"


def job(**changes: Any) -> Job:
    values: dict[str, Any] = {
        "id": "job-1m7yr5039tygw8nf6et61",
        "kind": "train",
        "name": "digits",
        "state": "running",
        "priority": "normal",
        "spec": {"entrypoint": "train.py"},
        "code": "c" * 64,
        "resources": Resources(cpus=1, memory_bytes=2**30, gpus=0, gpu_kind="", labels={}),
        "max_attempts": 2,
        "timeout_seconds": None,
        "labels": {},
        "owner": "admin",
        "project": "default",
        "create_time": BEGIN,
        "start_time": BEGIN,
        "end_time": None,
        "cancel_request_time": None,
        "tasks": TaskCounts(total=1, queued=0, running=1, succeeded=0, failed=0, cancelled=0),
        "failure": None,
        "outputs": [],
    }
    return Job(**{**values, **changes})


def common(sequence: int) -> dict[str, Any]:
    time = BEGIN + timedelta(seconds=sequence)
    return {"sequence": sequence, "time": time, "task_id": "job-1-0", "attempt": 1}


def training(epochs: int, end: e.JobStateEvent | None = None) -> Iterator[e.Event]:
    yield e.TaskStateEvent(**common(1), state="running", worker_id="worker-1", failure=None)
    for epoch in range(1, epochs + 1):
        yield e.LogEvent(**common(2), stream="stdout", lines=[f"epoch {epoch} {EVIL}"])
        yield e.MetricEvent(**common(3), step=epoch, values={"loss": 1 / epoch, "accuracy": 0.5})
        yield e.ProgressEvent(**common(4), completed=epoch, total=epochs, unit="epochs")
    if end is not None:
        yield end


def ended(state: Any, failure: Failure | None = None) -> e.JobStateEvent:
    return e.JobStateEvent(
        **{**common(99), "task_id": ""}, state=state, is_terminal=True, failure=failure
    )


def console(width: int, *, is_terminal: bool) -> Console:
    return Console(
        file=io.StringIO(),
        width=width,
        force_terminal=is_terminal,
        markup=False,
        emoji=False,
        highlight=False,
    )


def text_of(made: Console) -> str:
    assert isinstance(made.file, io.StringIO)
    return made.file.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_panel_fits_the_window(width: int) -> None:
    progress = JobProgress()
    for event in training(400):
        progress.take(event)
    shown = console(width, is_terminal=False)
    shown.print(JobPanel(job(name="n" * 30), progress))
    lines = text_of(shown).splitlines()
    assert max(map(len, lines)) <= width
    assert "100%" in lines[1]
    assert "400/400 epochs" in lines[1]
    assert [line.split()[0] for line in lines[3:]] == ["accuracy", "loss"]
    assert lines[4].split()[:3] == ["loss", "400", "0.0025"]
    assert "▁" in lines[4]


def test_plain_output_has_each_thing_once_and_as_it_was_written() -> None:
    shown = console(200, is_terminal=False)
    outputs = e.OutputEvent(
        **common(98), output=Output(type="model_version", name="m", version=3, artifact_id="a")
    )
    notice = e.NoticeEvent(**common(0), reason="RESOURCES", message="needs 4 GPUs")
    progress = watch_job(shown, job(), [notice, *training(2), outputs, ended("succeeded")])
    assert progress.state == "succeeded"
    lines = text_of(shown).splitlines()
    assert lines[0] == "RESOURCES: needs 4 GPUs"
    assert lines.count(f"epoch 1 {EVIL}") == 1
    assert "step 2  accuracy 0.5  loss 0.5" in lines
    assert "task running on worker-1, attempt 1" in lines
    assert lines.count("saved model m version 3") == 1
    assert "\x1b" not in text_of(shown)


def test_terminal_output_keeps_log_lines_and_ends_with_the_failure() -> None:
    shown = console(80, is_terminal=True)
    failure = Failure(reason="USER_CODE", message="exit status 1", output_tail=["last words"])
    progress = watch_job(shown, job(), training(3, ended("failed", failure)))
    assert progress.failure == failure
    text = text_of(shown)
    assert all(f"epoch {epoch}" in text for epoch in (1, 2, 3))
    end = text[text.rindex("✖") :]
    assert "USER_CODE" in end
    assert "last words" in end


def test_panel_says_why_a_job_waits() -> None:
    progress = JobProgress()
    progress.take(e.NoticeEvent(**common(1), reason="RESOURCES", message=f"needs 4 GPUs {EVIL}"))
    shown = console(80, is_terminal=False)
    shown.print(JobPanel(job(state="pending"), progress))
    assert text_of(shown).splitlines()[1].rstrip() == f"• needs 4 GPUs {EVIL}"


def test_details_tell_what_was_asked_of_the_scheduler() -> None:
    asked = job(
        retry_rules=[
            RetryRule(reasons=["OUT_OF_MEMORY"], max_retries=0),
            RetryRule(exit_codes=[75, 76], log_pattern="reset", max_retries=5),
            RetryRule(max_retries=2),
        ],
        after=["job-0"],
        gang=True,
        preemptible=True,
    )
    shown = console(120, is_terminal=False)
    shown.print(job_details(asked, [], []))
    text = text_of(shown)
    assert "OUT_OF_MEMORY: none" in text
    assert "exit 75 or 76, output matches 'reset': 5 more" in text
    assert "any failure: 2 more" in text
    assert "gang, preemptible" in text
    assert "job-0" in text


def test_tables_show_names_of_users_as_they_are() -> None:
    shown = console(200, is_terminal=False)
    shown.print(JobTable([job(name=EVIL)]))
    shown.print(job_details(job(name=EVIL, labels={"a": EVIL}), [], []))
    assert text_of(shown).count(EVIL) == 3


def test_job_table_fits_a_narrow_window_with_whole_ids() -> None:
    shown = console(80, is_terminal=False)
    shown.print(JobTable([job(name="a long name for a job " * 3)]))
    lines = text_of(shown).splitlines()
    assert max(map(len, lines)) <= 80
    assert "job-1m7yr5039tygw8nf6et61" in lines[1]
