"""What people see of a load test while it runs."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tensorfleet.cli.loadtest_progress import LoadProgress
from tensorfleet.cli.sparkline import sparkline
from tensorfleet.cli.words import call_time, duration
from tensorfleet.kinds.drawing.quantities import rate_text, share_text
from tensorfleet.kinds.loadtest.listener import Listener, LoadOrder
from tensorfleet.kinds.loadtest.record import Point, Second
from tensorfleet.kinds.loadtest.reporting.arrival_text import arrivals_text
from tensorfleet.kinds.loadtest.reporting.point_figures import PointFigures

REFRESHES_PER_SECOND = 8
BAR_WIDTH = 36
MAX_TREND_WIDTH = 70


@contextmanager
def showing(console: Console) -> Iterator[Listener]:
    """A listener that shows what it hears: in place in a terminal, else line by line."""
    if not console.is_terminal:
        yield PlainListener(console)
        return
    panel = LivePanel(console)
    with Live(panel, console=console, refresh_per_second=REFRESHES_PER_SECOND, transient=True):
        yield panel


class PlainListener:
    """A line for each point that ends, and for each note; also every ten seconds of a long one."""

    EVERY_SECONDS = 10

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = LoadProgress()
        self._told_seconds = 0.0

    def point_started(self, order: LoadOrder) -> None:
        """Part of `Listener`."""
        self._progress.start_point(order)
        self._told_seconds = 0.0
        self._print(f"{order.label} ({order.phase}): {arrivals_text(order.arrivals)}")

    def second(self, second: Second) -> None:
        """Part of `Listener`."""
        progress = self._progress
        progress.take_second(second)
        if progress.done_seconds - self._told_seconds >= self.EVERY_SECONDS:
            self._told_seconds = progress.done_seconds
            parts = (
                f"  {progress.done_seconds:g} s:",
                f"answered {rate_text(second.counts.answered / second.seconds)}",
                f"p50 {_time(progress.p50)} p99 {_time(progress.p99)}",
                f"failed {progress.failed:,} late {progress.late:,}",
            )
            self._print(" ".join(parts))

    def point_ended(self, point: Point) -> None:
        """Part of `Listener`."""
        self._console.print(point_line(self._progress.end_point(point)), soft_wrap=True)

    def note(self, text: str) -> None:
        """Part of `Listener`."""
        self._print(text)

    def _print(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)


class LivePanel:
    """The running point in place; what has ended, and notes, scroll above."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = LoadProgress()

    def point_started(self, order: LoadOrder) -> None:
        """Part of `Listener`."""
        self._progress.start_point(order)

    def second(self, second: Second) -> None:
        """Part of `Listener`."""
        self._progress.take_second(second)

    def point_ended(self, point: Point) -> None:
        """Part of `Listener`."""
        self._console.print(point_line(self._progress.end_point(point)), soft_wrap=True)

    def note(self, text: str) -> None:
        """Part of `Listener`."""
        self._progress.note(text)
        self._console.print(Text.assemble(("• ", "yellow"), (text, "dim")), soft_wrap=True)

    def __rich_console__(self, console: Console, _options: object) -> Iterable[RenderableType]:
        order = self._progress.order
        if order is None:
            yield Text("between points", "dim")
            return
        yield Text.assemble(
            (order.label, "bold"), (f"  {order.phase}  {arrivals_text(order.arrivals)}", "dim")
        )
        yield self._bar()
        if self._progress.last is not None:
            yield self._figures(self._progress.last)
            yield self._trends(console.width)

    def _bar(self) -> RenderableType:
        progress = self._progress
        row = Table.grid(padding=(0, 2, 0, 0))
        total = progress.total_seconds
        if total:
            bar = ProgressBar(
                total=total, completed=min(total, progress.done_seconds), width=BAR_WIDTH
            )
            row.add_row(bar, f"{duration(progress.done_seconds)} of {duration(total)}")
        else:
            row.add_row(duration(progress.done_seconds))
        return row

    def _figures(self, second: Second) -> RenderableType:
        progress, counts = self._progress, second.counts
        table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
        cells: dict[str, str | Text] = {
            "asked": rate_text(counts.scheduled / second.seconds),
            "sent": rate_text(counts.sent / second.seconds),
            "answered": rate_text(counts.answered / second.seconds),
            "p50": _time(progress.p50),
            "p99": _time(progress.p99),
            "max": _time(progress.maximum),
            "failed": Text(f"{progress.failed:,}", "red" if progress.failed else ""),
            "sent late": Text(f"{progress.late:,}", "yellow" if progress.late else ""),
        }
        for name in cells:
            table.add_column(name, justify="right", no_wrap=True)
        table.add_row(*cells.values())
        errors = sorted(progress.errors.items(), key=lambda item: -item[1])[:5]
        told = "  ".join(f"{code} {count:,}" for code, count in errors)
        return Group(table, Text(told, "red")) if told else table

    def _trends(self, width: int) -> RenderableType:
        table = Table.grid(padding=(0, 2, 0, 0))
        for name, course in self._progress.courses.items():
            line = sparkline(list(course), min(MAX_TREND_WIDTH, max(10, width - 14)))
            table.add_row(Text(name, "dim"), Text(line, "cyan"))
        return table


def point_line(figures: PointFigures) -> Text:
    """A point that has ended, in a line."""
    point = figures.point
    mark = ("✔ ", "green") if point.is_valid else ("✖ ", "red")
    if point.interrupted:
        mark = ("■ ", "magenta")
    response = figures.response
    rate, errors = figures.answered_rate, figures.error_share
    line = Text.assemble(
        mark,
        (point.label, "bold"),
        f"  answered {'–' if rate is None else rate_text(rate)}",
        f"  p50 {_time(response.percentiles[50.0])}",
        f"  p99 {_time(response.percentiles[99.0])}",
        f"  max {_time(response.maximum)}",
    )
    if errors:
        line.append(f"  errors {share_text(errors)}", "red")
    if not point.is_valid:
        line.append(f"  INVALID: {' '.join(reason.code for reason in point.reasons)}", "bold red")
    if point.interrupted:
        line.append("  interrupted", "magenta")
    return line


def _time(seconds: float | None) -> str:
    return "–" if seconds is None else call_time(seconds)
