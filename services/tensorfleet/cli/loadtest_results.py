"""`tensorfleet loadtest show`, `report`, `plot` and `compare`: what load tests gave."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tensorfleet.cli.loadtest_options import (
    AsJson,
    Csv,
    Html,
    Junit,
    Kept,
    Load,
    Phase,
    Points,
    Rate,
)

if TYPE_CHECKING:
    from tensorfleet.kinds.loadtest.record import Document


def show(source: Kept, *, as_json: AsJson = False) -> None:
    """Show what a load test measured."""
    from tensorfleet.cli.loadtest_source import load_document
    from tensorfleet.cli.loadtest_view import print_document
    from tensorfleet.cli.terminal import out, print_json

    document = load_document(source)
    if as_json:
        print_json(document)
    else:
        print_document(out(), document)


def report(source: Kept, *, html: Html = None, csv: Csv = None, junit: Junit = None) -> None:
    """Write reports of a load test: for browsers, for spreadsheets, for CI."""
    from tensorfleet.cli.loadtest_files import write_reports
    from tensorfleet.cli.loadtest_source import load_document
    from tensorfleet.cli.terminal import done, out
    from tensorfleet.shared.errors import InvalidInput

    if html is None and csv is None and junit is None:
        raise InvalidInput("say what to write: --html FILE, --csv DIR, --junit FILE")
    for path in write_reports(load_document(source), html=html, csv=csv, junit=junit):
        out().print(done(str(path)))


def plot(
    source: Kept,
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Which; without it, lists them.")
    ] = "",
    *,
    output: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="A .png or .svg; else NAME.png."),
    ] = None,
    points: Points = "",
    phase: Phase = "",
    load: Load = None,
    rate: Rate = None,
) -> None:
    """Draw a picture of a load test."""
    from tensorfleet.cli.job_tables import plain_table
    from tensorfleet.cli.loadtest_source import load_document
    from tensorfleet.cli.terminal import out
    from tensorfleet.kinds.loadtest.drawing.catalogue import PLOTS

    if not name:
        table = plain_table("plot", "shows")
        for known, title in PLOTS.items():
            table.add_row(known, title)
        out().print(table)
        return
    options = _options(points=points, phase=phase, load=load, rate=rate)
    _draw(name, [("", load_document(source))], output, options)


def compare(
    sources: Annotated[
        list[str], typer.Argument(metavar="FILE|JOB...", help="Load tests; the first is the base.")
    ],
    *,
    load: Load = None,
    rate: Rate = None,
    alias: Annotated[
        list[str] | None,
        typer.Option("--alias", metavar="NAME=ALIAS", help="Another name for one; may repeat."),
    ] = None,
    points: Points = "",
    phase: Phase = "",
    html: Html = None,
    plot: Annotated[
        str, typer.Option("--plot", metavar="NAME", help="Draw this; else violin, with --out.")
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="The picture: .png or .svg.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare load tests at equal loads: response times and rates side by side."""
    from tensorfleet.cli.loadtest_source import load_documents
    from tensorfleet.cli.loadtest_view import print_comparison
    from tensorfleet.cli.terminal import done, out, print_json
    from tensorfleet.kinds.loadtest.reporting import comparison as comparing
    from tensorfleet.kinds.loadtest.reporting.document_file import write_whole
    from tensorfleet.kinds.loadtest.reporting.subject import Choice, subjects

    documents = load_documents(sources, alias or [])
    options = _options(points=points, phase=phase, load=load, rate=rate)
    choice = Choice.parse(options)
    found = comparing.compare(subjects(documents, choice))
    if as_json:
        print_json(found.to_json())
    else:
        print_comparison(out(), found)
    if html is not None:
        from tensorfleet.kinds.loadtest.reporting.html_comparison import html_comparison

        write_whole(html, html_comparison(found, documents, choice).encode())
        if not as_json:
            out().print(done(str(html)))
    if plot or output is not None:
        _draw(plot or "violin", documents, output, options, is_quiet=as_json)


def _draw(
    name: str,
    documents: list[tuple[str, "Document"]],
    output: Path | None,
    options: dict[str, str],
    *,
    is_quiet: bool = False,
) -> None:
    from tensorfleet.cli.terminal import done, out
    from tensorfleet.kinds.loadtest.drawing.catalogue import PLOTS, draw
    from tensorfleet.kinds.loadtest.reporting.document_file import write_whole
    from tensorfleet.kinds.loadtest.reporting.subject import Choice
    from tensorfleet.sdk.job_results import format_of
    from tensorfleet.shared.errors import InvalidInput

    if name not in PLOTS:
        raise InvalidInput(f"there is no plot {name[:80]!r}; there are: {', '.join(PLOTS)}")
    target = output or Path(f"{name}.png")
    file_format = format_of(target, ("png", "svg"))
    write_whole(target, draw(name, documents, file_format, Choice.parse(options)))
    if not is_quiet:
        out().print(done(str(target)))


def _options(*, points: str, phase: str, load: int | None, rate: float | None) -> dict[str, str]:
    named = {"points": points, "phase": phase, "load": load, "rate": rate}
    return {name: str(value) for name, value in named.items() if value not in (None, "")}
