"""`tensorfleet results` and `plot`: what a job gave."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from tensorfleet.sdk.client import Client

JobId = Annotated[str, typer.Argument(metavar="JOB", help="Id of the job.")]
OptionTexts = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="NAME=VALUE", help="Of the job's kind; may come repeatedly."),
]


def results(
    job: JobId,
    *,
    file_format: Annotated[
        Literal["table", "csv", "json", "parquet"] | None,
        typer.Option("--format", help="Else as the file's suffix says, or a table."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="A file: .csv, .json or .parquet."),
    ] = None,
    baseline: Annotated[
        str, typer.Option("--baseline", metavar="JOB", help="Compare with this job, in JSON.")
    ] = "",
    option: OptionTexts = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Answer in JSON, with the report.")
    ] = False,
) -> None:
    """Show what a job gave, as a table or a file."""
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.results_table import ResultsTable
    from tensorfleet.cli.terminal import out, print_hint, print_json
    from tensorfleet.sdk.job_results import format_of
    from tensorfleet.shared.errors import InvalidInput

    options = read_options(option)
    if as_json and file_format not in (None, "json"):
        raise InvalidInput(f"--json and --format {file_format} exclude each other")
    wanted = "json" if as_json else file_format
    if wanted is None:
        wanted = "table" if output is None else format_of(output, ("csv", "json", "parquet"))
    if wanted == "table" and output is not None:
        raise InvalidInput("a table is for the terminal; write csv, json or parquet to a file")
    if wanted in ("table", "csv", "parquet") and (options or baseline):
        raise InvalidInput("--baseline and --option are for the report; add --json")
    with open_client() as client:
        if wanted == "json" and output is None:
            print_json(client.results(job, baseline or None, **options))
        elif wanted == "json":
            _write_json(client, job, baseline, options, output)
        elif wanted == "table":
            found = client.results(job)
            out().print(ResultsTable(found["rows"]))
            if not found["is_complete"]:
                print_hint(f"{job} has not ended; this is what there is so far")
            if found["report"]:
                print_hint(f"What it means: tensorfleet results {job} --json")
        else:
            _write(client.results_file(job, wanted), output)


def plot(
    job: JobId,
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Which plot; without it, lists them.")
    ] = "",
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="A file: .png or .svg; else NAME.png."),
    ] = None,
    option: OptionTexts = None,
    as_json: Annotated[bool, typer.Option("--json", help="List them in JSON.")] = False,
) -> None:
    """Draw a picture of what a job gave."""
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.job_tables import plain_table
    from tensorfleet.cli.terminal import done, out, print_hint, print_json
    from tensorfleet.sdk.job_results import format_of, write_whole

    options = read_options(option)
    target = output or Path(f"{Path(name).name}.png")
    file_format: Literal["png", "svg"] = format_of(target, ("png", "svg")) if name else "png"
    with open_client() as client:
        if name:
            write_whole(target, client.plot(job, name, file_format, **options))
            out().print(done(str(target)))
            return
        found = client.plots(job)
    if as_json:
        print_json({"plots": found})
    elif found:
        table = plain_table("plot", "shows")
        for shown in found:
            table.add_row(shown.name, shown.title)
        out().print(table)
    else:
        print_hint("Jobs of this kind have no plots.")


def read_options(texts: list[str] | None) -> dict[str, str]:
    """The options that the command line gives as NAME=VALUE.

    Raises:
        InvalidInput: One is not of this form, or comes twice.
    """
    from tensorfleet.shared.errors import InvalidInput

    found: dict[str, str] = {}
    for text in texts or []:
        name, sign, value = text.partition("=")
        if not name or not sign:
            raise InvalidInput(f"--option {text}: write it as NAME=VALUE")
        if name in found:
            raise InvalidInput(f"--option {name} is given twice")
        found[name] = value
    return found


def _write_json(
    client: "Client", job: str, baseline: str, options: dict[str, str], output: Path | None
) -> None:
    import msgspec

    document = msgspec.json.encode(client.results(job, baseline or None, **options))
    _write(msgspec.json.format(document, indent=2) + b"\n", output)


def _write(content: bytes, output: Path | None) -> None:
    from tensorfleet.cli.terminal import done, out
    from tensorfleet.sdk.job_results import write_whole
    from tensorfleet.shared.errors import InvalidInput

    if output is not None:
        write_whole(output, content)
        out().print(done(str(output), f"{len(content):,} bytes"))
    elif content.startswith(b"PAR1") and sys.stdout.isatty():
        raise InvalidInput("Parquet is not for a terminal; add --output FILE.parquet")
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
