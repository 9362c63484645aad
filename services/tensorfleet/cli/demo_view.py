"""What people see of the demo."""

import time
from collections.abc import Iterable, Iterator

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from tensorfleet.cli.demo_run import DemoResults
from tensorfleet.cli.digit_pictures import gallery
from tensorfleet.cli.fleet_view import fleet_view
from tensorfleet.cli.job_progress import JobProgress
from tensorfleet.cli.terminal import done, err, out
from tensorfleet.cli.watch_view import watch_job
from tensorfleet.cli.words import duration
from tensorfleet.local.fleet_event import FleetReady
from tensorfleet.shared.rest.events import Event, MetricEvent
from tensorfleet.shared.rest.jobs import Job


class DemoView:
    """Headlines, live progress, and the results at the end.

    With JSON asked for, all of it goes to standard error, so that only JSON is on the other.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._console: Console = err() if as_json else out()
        self.tell_fleet = fleet_view(self._console, _one_line).tell

    def headline(self, text: str) -> None:
        """Says what comes now."""
        self._console.print()
        self._console.print(Text.assemble(("▌ ", "cyan"), (text, "bold")))

    def done(self, text: str) -> None:
        """Says what has been done."""
        self._console.print(done(text))

    def watch(self, job: Job, events: Iterable[Event]) -> tuple[JobProgress, float]:
        """Shows a job until it ends.

        Returns:
            What is known of it then, and when (monotonic) its first metric came.
        """
        first_metric = time.monotonic()
        has_seen = False

        def noticed() -> Iterator[Event]:
            nonlocal first_metric, has_seen
            for event in events:
                if isinstance(event, MetricEvent) and not has_seen:
                    first_metric, has_seen = time.monotonic(), True
                yield event

        progress = watch_job(self._console, job, noticed())
        return progress, first_metric

    def show_results(self, results: DemoResults, *, fleet_stays: bool) -> None:
        """Pictures, figures, times, and where to look next."""
        self._console.print()
        self._console.print(gallery(self._console, results.images, results.labels, results.guesses))
        self._console.print()
        parts: list[RenderableType] = [_figures(results), Text(), _times(results)]
        if fleet_stays:
            parts += [Text(), _next_steps(results)]
        is_fine = not results.problems
        colour = "green" if is_fine else "red"
        self._console.print(
            Panel(
                Group(*parts),
                title=Text("The demo worked", "bold green")
                if is_fine
                else Text("Not quite", "bold red"),
                title_align="left",
                border_style=colour,
                padding=(1, 2),
                width=min(self._console.width, 100),
            )
        )
        if not fleet_stays:
            self._console.print(
                Text("The data stays: start the fleet again with tensorfleet up", "dim")
            )


def _one_line(event: FleetReady) -> RenderableType:
    return done(event.url, f"(up after {event.seconds:.1f} s)")


def _pairs() -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _figures(results: DemoResults) -> RenderableType:
    right = round(results.held_out_accuracy * results.held_out_count)
    table = _pairs()
    table.add_row("test accuracy", Text(f"{results.test_accuracy:.4f}", "bold"))
    table.add_row("held-out digits", f"{right} of {results.held_out_count} right")
    table.add_row("registered", f"model {results.model} version {results.model_version}")
    table.add_row(
        "checkpoints",
        f"{results.checkpoint_count}, the newest after epoch {results.checkpoint_step}",
    )
    table.add_row("job", results.job_id)
    return table


def _times(results: DemoResults) -> RenderableType:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for stage in results.stages:
        table.add_row(stage.name, duration(stage.seconds))
    return table


def _next_steps(results: DemoResults) -> RenderableType:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(style="dim")
    table.add_row("tensorfleet show JOB", "its attempts, checkpoints, results")
    table.add_row(f"tensorfleet models show {results.model}", "every version")
    table.add_row("tensorfleet status", "health, and where everything is")
    table.add_row("examples/digits/train.py", "the script that was run")
    return table
