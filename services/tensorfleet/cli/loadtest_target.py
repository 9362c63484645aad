"""`tensorfleet loadtest target` and `cases`: what to test, and how."""

from typing import Annotated

import typer


def target(
    *,
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", "-p", help="0: any that is free.")] = 8080,
    processes: Annotated[int, typer.Option("--processes", min=1, help="That serve.")] = 1,
) -> None:
    """Serve an app to test against: /fibonacci/N, /bubble-sort/N, /ok. Ctrl-C stops it."""
    import uvloop

    from tensorfleet.cli.terminal import done, out
    from tensorfleet.kinds.loadtest.cases.target import serve

    def say(port: int) -> None:
        out().print(done(f"serves http://{host}:{port}", "Ctrl-C stops it"))

    uvloop.run(serve(host, port, processes=processes, ready=say))


def cases(*, as_json: Annotated[bool, typer.Option("--json", help="In JSON.")] = False) -> None:
    """List the cases that can be named."""
    from dataclasses import asdict

    from tensorfleet.cli.job_tables import plain_table
    from tensorfleet.cli.terminal import out, print_json
    from tensorfleet.kinds.loadtest.cases.loader import listed_cases

    found = listed_cases()
    if as_json:
        print_json({"cases": [asdict(case) for case in found]})
        return
    table = plain_table("case", "what an arrival does", "class")
    for case in found:
        table.add_row(case.name, case.description, case.place)
    out().print(table)
