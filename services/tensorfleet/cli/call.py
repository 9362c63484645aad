"""`tensorfleet call`: calls a Python function many times."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from tensorfleet.cli.exit_status import FAILED


def call(
    function: Annotated[str, typer.Argument(metavar="MODULE:FUNCTION", help="What to call.")],
    *,
    args_file: Annotated[
        Path | None,
        typer.Option(
            "--args-file",
            metavar="FILE",
            help='The calls, in JSON: a list with for each a list of arguments, or {"args": '
            '[...], "kwargs": {...}}. - reads them from standard input.',
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option("--count", "-n", help="So many calls; a parameter `index` gets the number."),
    ] = None,
    code: Annotated[
        Path | None, typer.Option("--code", help="The folder with the function's code.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="For people; else the function.")] = "",
    cpus: Annotated[
        float | None, typer.Option("--cpus", help="Cores that each call keeps busy.")
    ] = None,
    memory: Annotated[
        str, typer.Option("--memory", help="Memory that each call needs, like 512MiB.")
    ] = "",
    timeout_seconds: Annotated[
        float | None, typer.Option("--timeout", help="Longest time of one call, seconds.")
    ] = None,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait", "-w", help="Print the results in order; exit status 1 if one fails."
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="The job in JSON; results are JSON lines anyway.")
    ] = False,
) -> None:
    """Call a function many times, on warm processes all over the fleet."""
    from tensorfleet.cli.fleet_client import open_client
    from tensorfleet.cli.terminal import done, out, print_hint, print_json

    calls = read_calls(args_file, count)
    resources = {key: value for key, value in (("cpus", cpus), ("memory", memory)) if value}
    fields: dict[str, Any] = {"resources": resources, "timeout_seconds": timeout_seconds}
    if name:
        fields["name"] = name
    with open_client() as client:
        results = client.call(function, calls, code=code.absolute() if code else "", **fields)
        if wait:
            if not print_results(results):
                raise typer.Exit(FAILED)
        elif as_json:
            print_json(results.job)
        else:
            out().print(done(results.job.id, f"is queued, with {len(results):,} calls"))
            print_hint(f"Follow it: tensorfleet watch {results.job.id}")


def read_calls(args_file: Path | None, count: int | None) -> list[Any] | int:
    """The calls that the command line asks for.

    Raises:
        InvalidInput: It asks for none, for two sorts, or the file is not a list in JSON.
    """
    import msgspec

    from tensorfleet.shared.errors import InvalidInput

    if (args_file is None) == (count is None):
        raise InvalidInput("give either --args-file or --count")
    if args_file is None:
        return count or 0
    text = sys.stdin.buffer.read() if str(args_file) == "-" else args_file.read_bytes()
    try:
        return msgspec.json.decode(text, type=list[Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InvalidInput(f"{args_file} is not a list in JSON: {exc}") from exc


def print_results(results: Any) -> bool:
    """Prints each result as a line of JSON, and failures as errors. Whether all returned."""
    import msgspec

    from tensorfleet.cli.terminal import print_error
    from tensorfleet.sdk.call_results import call_failed

    all_returned = True
    for index, result, failure, has_returned in results.ends():
        if has_returned:
            typer.echo(msgspec.json.encode(result).decode())
        else:
            all_returned = False
            # The line of the result stays, so that lines can be counted.
            typer.echo("null")
            print_error(str(call_failed(index, failure)))
    return all_returned
