"""A load test's document in a terminal."""

from collections.abc import Iterable, Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from tensorfleet.cli.job_tables import plain_table
from tensorfleet.cli.words import call_time
from tensorfleet.kinds.drawing.quantities import rate_text, share_text
from tensorfleet.kinds.loadtest.record import Document
from tensorfleet.kinds.loadtest.reporting.comparison import Comparison
from tensorfleet.kinds.loadtest.reporting.point_figures import (
    PERCENTILES,
    PointFigures,
    Spread,
    percentile_name,
)
from tensorfleet.kinds.loadtest.reporting.tables import cpu_share
from tensorfleet.kinds.loadtest.reporting.verdict import (
    FAILED,
    INTERRUPTED,
    INVALID,
    PASSED,
    measured_text,
    verdict,
)

_STYLES = {PASSED: "bold green", FAILED: "bold red", INVALID: "bold red", INTERRUPTED: "magenta"}
_TIMES = ("avg", "min", "max", *map(percentile_name, PERCENTILES))
# The rarest percentiles stay out of a narrow window.
_NARROW = 130
_NARROW_TIMES = 7


def print_document(console: Console, document: Document) -> None:
    """Everything that matters of it: points, search, bottleneck, thresholds, verdict."""
    figures = [PointFigures(point) for point in document.points]
    shown = [one for one in figures if one.point.phase != "search"] or figures
    console.print(_rates(shown))
    console.print()
    console.print(Text("response time, from the intended start", "dim"))
    console.print(_times(console, [(one.point.label, one.response) for one in shown]))
    if any(one.service.count for one in shown):
        console.print()
        console.print(Text("service time, from the send", "dim"))
        console.print(_times(console, [(one.point.label, one.service) for one in shown]))
    servers = [(one.point.label, one.server) for one in shown if one.server.count]
    if servers:
        console.print()
        console.print(Text("the server's own time", "dim"))
        console.print(_times(console, servers))
    for line in _findings(document, shown):
        console.print(line, soft_wrap=True)


def print_comparison(console: Console, comparison: Comparison) -> None:
    """A table for each load, with ratios over the first load test."""
    for number, level in enumerate(comparison.levels):
        if number:
            console.print()
        console.print(Text(level.label, "bold"))
        table = plain_table("", "answered", *_columns(console))
        _align(table)
        for entry in level.entries:
            rate = entry.figures.answered_rate
            name = Text(entry.alias)
            if not entry.figures.point.is_valid:
                name.append(" INVALID", "bold red")
            cells: list[RenderableType] = [name, "–" if rate is None else rate_text(rate)]
            for time, ratio in zip(
                _time_cells(console, entry.figures.response), entry.ratios.values(), strict=False
            ):
                cell = Text(time)
                if ratio is not None and abs(ratio - 1) > 1e-9:
                    cell.append(f" ×{ratio:.3g}", "red" if ratio > 1 else "green")
                cells.append(cell)
            table.add_row(*cells)
        console.print(table)
        if level.missing:
            console.print(Text(f"not measured here: {', '.join(level.missing)}", "dim"))


def _rates(figures: Sequence[PointFigures]) -> Table:
    table = plain_table("point", "", "asked", "sent", "answered", "errors", "failures", "sent late")
    for column in (2, 3, 4, 5, 7):
        table.columns[column].justify = "right"
    for one in figures:
        point = one.point
        style = {"INVALID": "bold red", "interrupted": "magenta"}.get(one.verdict, "green")
        failures = sorted(point.counts.errors.items(), key=lambda item: -item[1])[:3]
        table.add_row(
            Text(point.label, "bold"),
            Text(one.verdict, style),
            *(
                "–" if rate is None else rate_text(rate)
                for rate in (one.asked_rate, one.sent_rate, one.answered_rate)
            ),
            Text(
                "–" if one.error_share is None else share_text(one.error_share),
                "red" if one.error_share else "",
            ),
            Text(" ".join(f"{code}={count:,}" for code, count in failures), "red"),
            Text(f"{point.counts.late:,}", "yellow" if point.counts.late else ""),
        )
    return table


def _times(console: Console, rows: Sequence[tuple[str, Spread]]) -> Table:
    table = plain_table("point", *_columns(console))
    _align(table)
    for label, spread in rows:
        table.add_row(Text(label, "bold"), *_time_cells(console, spread))
    return table


def _columns(console: Console) -> tuple[str, ...]:
    return _TIMES if console.width >= _NARROW else _TIMES[:_NARROW_TIMES]


def _time_cells(console: Console, spread: Spread) -> list[str]:
    values = list(spread.figures().values())[: len(_columns(console))]
    return ["–" if value is None else call_time(value) for value in values]


def _align(table: Table) -> None:
    for column in table.columns[1:]:
        column.justify = "right"


def _findings(document: Document, shown: Sequence[PointFigures]) -> Iterable[Text]:
    yield Text()
    if document.search is not None and document.search.message:
        yield Text.assemble(("search      ", "dim"), (document.search.message, "bold"))
    if document.bottleneck is not None:
        message = document.bottleneck.message or "no watched resource was used up"
        yield Text.assemble(("bottleneck  ", "dim"), message)
    for watched in document.watched:
        cpu = [share for sample in watched.samples if (share := cpu_share(sample)) is not None]
        if cpu:
            told = f"{watched.alias}: CPU {share_text(sum(cpu) / len(cpu))} on average"
            yield Text.assemble(("machine     ", "dim"), f"{told}, {share_text(max(cpu))} at most")
        for problem in watched.problems:
            yield Text.assemble(("machine     ", "dim"), (f"{watched.alias}: {problem}", "yellow"))
    for note in document.notes:
        yield Text.assemble(("note        ", "dim"), f"{note.message}")
    for result in document.thresholds:
        mark = ("✔ ", "green") if result.passed else ("✖ ", "red")
        where = f" at {result.point}" if result.point else ""
        yield Text.assemble(mark, result.threshold, (f"{where}: {measured_text(result)}", "dim"))
    yield from _reasons(shown)
    found = verdict(document)
    yield Text(found, _STYLES[found])


def _reasons(shown: Sequence[PointFigures]) -> Iterable[Text]:
    """Why points are invalid: each code once, with the first point that it struck."""
    struck: dict[str, list[tuple[str, str]]] = {}
    for one in shown:
        for reason in one.point.reasons:
            struck.setdefault(reason.code, []).append((one.point.label, reason.message))
    for code, cases in struck.items():
        label, message = cases[0]
        more = f" (and {len(cases) - 1} more points)" if len(cases) > 1 else ""
        yield Text.assemble(("✖ ", "red"), (f"{label}: {code}: ", "bold red"), message, more)
