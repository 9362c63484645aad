"""What people see of a job while it runs."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tensorfleet.cli.job_progress import JobProgress
from tensorfleet.cli.sparkline import sparkline
from tensorfleet.cli.words import between, duration, number, state_text
from tensorfleet.shared.rest.events import (
    Event,
    LogEvent,
    MetricEvent,
    NoticeEvent,
    OutputEvent,
    TaskStateEvent,
)
from tensorfleet.shared.rest.jobs import Failure, Job, Output
from tensorfleet.shared.rest.numbers import from_json_number

REFRESHES_PER_SECOND = 8
MAX_METRICS = 8
MAX_TREND_WIDTH = 60
SHOWN_TAIL_LINES = 15


def watch_job(console: Console, job: Job, events: Iterable[Event]) -> JobProgress:
    """Shows a job until its last event, and how it ended.

    In a terminal, its state changes in place with log lines scrolling above; elsewhere, one line
    for each thing that happens.
    """
    progress = JobProgress(state=job.state, start_time=job.start_time, end_time=job.end_time)
    begun = time.monotonic()
    if console.is_terminal:
        view = JobPanel(job, progress)
        with Live(view, console=console, refresh_per_second=REFRESHES_PER_SECOND, transient=False):
            for event in events:
                progress.take(event)
                _print_log(console, event)
    else:
        for event in events:
            progress.take(event)
            _print_plainly(console, event)
    print_outcome(console, job.id, progress, time.monotonic() - begun)
    return progress


class JobPanel:
    """A job's state, progress and metrics; rich asks for it again and again."""

    def __init__(self, job: Job, progress: JobProgress) -> None:
        self._job = job
        self._progress = progress

    def __rich__(self) -> RenderableType:
        parts: list[RenderableType] = [self._headline()]
        if notice := self._progress.notice:
            parts.append(Text.assemble(("• ", "yellow"), (notice.message, "dim")))
        if self._progress.total:
            parts.append(self._bar())
        if self._progress.metrics:
            parts.append(self._metrics())
        return Group(*parts)

    def _headline(self) -> Text:
        progress = self._progress
        workers = sorted({t.worker_id for t in progress.tasks.values() if t.state == "running"})
        pieces = [Text(self._job.name, "bold"), state_text(progress.state)]
        if len(progress.tasks) > 1:
            done = progress.count(("succeeded", "failed", "cancelled"))
            pieces.append(Text(f"{done}/{max(self._job.tasks.total, len(progress.tasks))} tasks"))
        if workers:
            pieces.append(Text(" ".join(workers[:4]) + (" …" if len(workers) > 4 else ""), "dim"))
        if attempt := max((task.attempt for task in progress.tasks.values()), default=0):
            pieces.append(Text(f"attempt {attempt}", "yellow" if attempt > 1 else "dim"))
        if spent := between(progress.start_time, progress.end_time, datetime.now(UTC)):
            pieces.append(Text(spent, "dim"))
        return Text("  ").join(pieces)

    def _bar(self) -> RenderableType:
        progress = self._progress
        row = Table.grid(padding=(0, 2, 0, 0))
        row.add_row(
            ProgressBar(total=progress.total, completed=progress.completed, width=40),
            f"{progress.completed / progress.total:.0%}",
            f"{number(progress.completed)}/{number(progress.total)} {progress.unit}",
        )
        return row

    def _metrics(self) -> RenderableType:
        return MetricTable(self._progress)


class MetricTable:
    """The newest value of each metric, and its course as wide as the window allows."""

    def __init__(self, progress: JobProgress) -> None:
        self._progress = progress

    def __rich_console__(self, console: Console, _options: object) -> Iterable[RenderableType]:
        courses = list(self._progress.metrics.items())
        name_width = max(len(name) for name, _ in courses)
        trend_width = min(MAX_TREND_WIDTH, max(10, console.width - name_width - 26))
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("metric", no_wrap=True)
        table.add_column("step", justify="right", no_wrap=True)
        table.add_column("latest", justify="right", no_wrap=True)
        table.add_column("", no_wrap=True)
        for name, course in courses[:MAX_METRICS]:
            table.add_row(
                name,
                "" if course.step is None else str(course.step),
                Text(number(course.latest), "bold"),
                Text(sparkline(list(course.points), trend_width), "cyan"),
            )
        yield table
        if len(courses) > MAX_METRICS:
            yield Text(f"and {len(courses) - MAX_METRICS} more", "dim")


def print_outcome(console: Console, job_id: str, progress: JobProgress, seconds: float) -> None:
    """How the job ended, and what it left."""
    spent = between(progress.start_time, progress.end_time) or duration(seconds)
    if progress.state == "succeeded":
        console.print(
            Text.assemble(("✔ ", "green"), f"{job_id} succeeded", (f" in {spent}", "dim"))
        )
        for output in _worth_showing(progress.outputs):
            console.print(Text(f"  {describe_output(output)}"))
        return
    mark = ("■ ", "magenta") if progress.state == "cancelled" else ("✖ ", "red")
    console.print(Text.assemble(mark, f"{job_id} {progress.state}", (f" after {spent}", "dim")))
    if progress.failure is not None:
        print_failure(console, progress.failure)


def print_failure(console: Console, failure: Failure) -> None:
    """Why something did not succeed, with its last lines."""
    console.print(Text.assemble("  ", (failure.reason, "bold red"), f"  {failure.message}"))
    for line in failure.output_tail[-SHOWN_TAIL_LINES:]:
        console.print(Text(f"  │ {line}", "dim"), soft_wrap=True)


def describe_output(output: Output) -> str:
    """Something that a job left, in a few words."""
    if output.type == "checkpoint":
        return f"checkpoint of step {output.name}"
    version = f" version {output.version}" if output.version else ""
    return f"{output.type.replace('_', ' ').replace(' version', '')} {output.name}{version}"


def _worth_showing(outputs: list[Output]) -> list[Output]:
    """All but checkpoints, of which there are many and only the newest counts."""
    checkpoints = [output for output in outputs if output.type == "checkpoint"]
    others = [output for output in outputs if output.type != "checkpoint"]
    return [*others, *checkpoints[-1:]]


def _print_log(console: Console, event: Event) -> None:
    if isinstance(event, LogEvent):
        style = {"stdout": "", "stderr": "yellow", "worker": "dim"}[event.stream]
        for line in event.lines:
            console.print(Text(line, style), soft_wrap=True)


def _print_plainly(console: Console, event: Event) -> None:
    match event:
        case LogEvent():
            _print_log(console, event)
        case MetricEvent():
            step = "" if event.step is None else f"step {event.step}  "
            values = "  ".join(
                f"{name} {number(from_json_number(value))}"
                for name, value in sorted(event.values.items())
            )
            console.print(Text(f"{step}{values}"), soft_wrap=True)
        case TaskStateEvent():
            where = f" on {event.worker_id}" if event.worker_id else ""
            attempt = f", attempt {event.attempt}" if event.attempt else ""
            console.print(Text(f"task {event.state}{where}{attempt}"), soft_wrap=True)
        case NoticeEvent():
            console.print(Text(f"{event.reason}: {event.message}"), soft_wrap=True)
        case OutputEvent() if event.output.type != "checkpoint":
            console.print(Text(f"saved {describe_output(event.output)}"), soft_wrap=True)
        case _:
            pass
