"""`tensorfleet doctor`: can this machine run a fleet."""

import os
from typing import Annotated

import typer

from tensorfleet.cli.exit_status import FAILED

_MARKS = {"fine": ("✔", "green"), "warning": ("!", "yellow"), "problem": ("✖", "red")}


def doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False
) -> None:
    """Check this machine, and say how to mend what would stop a fleet.

    The exit status is 1 when something would.
    """
    from rich.table import Table
    from rich.text import Text

    from tensorfleet.cli.machine_checks import look_at_machine
    from tensorfleet.cli.terminal import out, print_json

    findings = list(look_at_machine(os.environ))
    if as_json:
        print_json({"findings": findings})
    else:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        table.add_column(width=1)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for finding in findings:
            detail = Text(finding.detail)
            if finding.mend:
                detail.append(f"\n→ {finding.mend}", "bold")
            table.add_row(Text(*_MARKS[finding.verdict]), finding.name, detail)
        out().print(table)
    if any(finding.verdict == "problem" for finding in findings):
        raise typer.Exit(FAILED)
