"""Jobs, tasks and attempts as tables."""

import json
from collections.abc import Iterable, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tensorfleet.cli.watch_view import describe_output
from tensorfleet.cli.words import ago, between, clock_time, size, state_text
from tensorfleet.shared.rest.jobs import Attempt, Checkpoint, Failure, Job, RetryRule, Task

MIN_NAME_WIDTH = 8
MAX_ATTEMPT_ROWS = 50
SHOWN_CHECKPOINTS = 5
TAIL_LINES = 20


def plain_table(*headers: str) -> Table:
    """A table without lines, which survives being copied."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for header in headers:
        table.add_column(header, overflow="fold")
    return table


class JobTable:
    """One line for each job. In a narrow window the names are cut, and nothing else."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs

    def __rich_console__(
        self, console: Console, _options: ConsoleOptions
    ) -> Iterable[RenderableType]:
        rows = [_job_cells(job) for job in self._jobs]
        headers = ("id", "kind", "state", "tasks", "created", "took")
        # One space between columns, as an id is long.
        taken = sum(
            max(len(header), *(len(row[column]) for row in rows)) + 1
            for column, header in enumerate(headers)
        )
        table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
        for header in ("id", "name", *headers[1:]):
            table.add_column(header, no_wrap=True)
        for job, (job_id, *others) in zip(self._jobs, rows, strict=True):
            name = Text(job.name)
            name.truncate(max(MIN_NAME_WIDTH, console.width - taken - 1), overflow="ellipsis")
            table.add_row(job_id, name, *others)
        yield table


def _job_cells(job: Job) -> tuple[Text, ...]:
    return (
        Text(job.id),
        Text(job.kind),
        state_text(job.state),
        Text(f"{job.tasks.succeeded}/{job.tasks.total}"),
        Text(ago(job.create_time)),
        Text(between(job.start_time, job.end_time)),
    )


def job_details(
    job: Job, tasks: Sequence[Task], checkpoints: Sequence[Checkpoint]
) -> RenderableType:
    """Everything about one job."""
    parts: list[RenderableType] = [_facts(job)]
    if job.failure is not None:
        parts += [Text(), _failure(job.failure)]
    if tasks:
        parts += [Text(), _attempt_table(tasks)]
    if checkpoints:
        parts += [Text(), _checkpoint_table(checkpoints)]
    return Group(*parts)


def _facts(job: Job) -> RenderableType:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    counts = job.tasks
    asked = [f"{job.resources.cpus:g} cpus", size(job.resources.memory_bytes)]
    if job.resources.gpus:
        asked.append(f"{job.resources.gpus} {job.resources.gpu_kind} gpus".replace("  ", " "))
    if job.resources.exclusive:
        asked.append("alone on its worker")
    rows: list[tuple[str, RenderableType | str]] = [
        ("job", Text(job.id, "bold")),
        ("name", job.name),
        ("kind", job.kind),
        ("state", state_text(job.state)),
        ("priority", job.priority),
        ("owner", f"{job.owner} (project {job.project})"),
        ("created", clock_time(job.create_time)),
        ("started", clock_time(job.start_time)),
        ("ended", clock_time(job.end_time)),
        ("took", between(job.start_time, job.end_time)),
        ("cancel asked", clock_time(job.cancel_request_time)),
        ("each task", ", ".join(asked)),
        ("attempts", f"at most {job.max_attempts} that fail by their own code"),
        ("retry rules", "\n".join(map(_retry_rule, job.retry_rules))),
        ("not before", clock_time(job.not_before_time)),
        ("after", "\n".join(job.after)),
        ("scheduling", ", ".join(_scheduling(job))),
        ("tasks", f"{counts.succeeded} of {counts.total} succeeded, {counts.running} running"),
        ("labels", ", ".join(f"{key}={value}" for key, value in sorted(job.labels.items()))),
        ("code", job.code[:16]),
        ("spec", Text(json.dumps(job.spec, indent=2, ensure_ascii=False))),
        ("results", "\n".join(_results(job))),
    ]
    for name, value in rows:
        if value != "":
            table.add_row(name, value)
    return table


def _retry_rule(rule: RetryRule) -> str:
    parts = [
        " or ".join(rule.reasons),
        "exit " + " or ".join(map(str, rule.exit_codes)) if rule.exit_codes else "",
        f"output matches {rule.log_pattern!r}" if rule.log_pattern else "",
    ]
    fits = ", ".join(part for part in parts if part) or "any failure"
    return f"{fits}: {rule.max_retries} more" if rule.max_retries else f"{fits}: none"


def _scheduling(job: Job) -> list[str]:
    named = {"gang": job.gang, "preemptible": job.preemptible}
    return [name for name, is_so in named.items() if is_so]


def _results(job: Job) -> list[str]:
    return [describe_output(output) for output in job.outputs if output.type != "checkpoint"]


def _failure(failure: Failure) -> RenderableType:
    lines = failure.output_tail[-TAIL_LINES:]
    return Group(
        Text.assemble((failure.reason, "bold red"), f"  {failure.message}"),
        *(Text(f"  │ {line}", "dim") for line in lines),
    )


def _attempt_table(tasks: Sequence[Task]) -> RenderableType:
    table = plain_table("task", "state", "attempt", "outcome", "worker", "took", "why")
    rows = 0
    for task in tasks:
        index = str(task.index)
        if not task.attempts:
            table.add_row(index, state_text(task.state))
            rows += 1
        for attempt in task.attempts:
            table.add_row(index, state_text(task.state), *_attempt_cells(attempt))
            rows += 1
        if rows >= MAX_ATTEMPT_ROWS:
            return Group(table, Text(f"… of {len(tasks)} tasks; all of them with --json", "dim"))
    return table


def _attempt_cells(attempt: Attempt) -> tuple[RenderableType, ...]:
    return (
        str(attempt.number),
        state_text(attempt.outcome),
        attempt.worker_id,
        between(attempt.start_time, attempt.end_time),
        Text(attempt.failure.reason if attempt.failure else "", "red"),
    )


def _checkpoint_table(checkpoints: Sequence[Checkpoint]) -> RenderableType:
    table = plain_table("checkpoint", "attempt", "size", "saved")
    for checkpoint in checkpoints[:SHOWN_CHECKPOINTS]:
        table.add_row(
            f"step {checkpoint.step}",
            str(checkpoint.attempt),
            size(checkpoint.size_bytes),
            ago(checkpoint.create_time),
        )
    more = len(checkpoints) - SHOWN_CHECKPOINTS
    return Group(table, Text(f"and {more} older", "dim")) if more > 0 else table
