"""`tensorfleet status`: health of every part."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from tensorfleet.cli.exit_status import FAILED, UNREACHABLE, FleetNotFound
from tensorfleet.sdk.credentials import URL_VARIABLE

if TYPE_CHECKING:
    from tensorfleet.local.fleet_record import FleetRecord


def status(
    *, as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False
) -> None:
    """Show whether the fleet and everything it needs is healthy.

    Works for a fleet on this machine and for one elsewhere (TENSORFLEET_URL). The exit status is 1
    when something is unhealthy, and 3 when no fleet answers.
    """
    from tensorfleet.cli.status_table import status_view
    from tensorfleet.cli.terminal import out, print_error, print_json
    from tensorfleet.sdk.client import Client
    from tensorfleet.shared.errors import Unavailable

    record = local_record()
    if record is None and not os.environ.get(URL_VARIABLE):
        raise FleetNotFound(
            "no fleet runs on this machine: start one with `tensorfleet up`, or set "
            "TENSORFLEET_URL to one elsewhere"
        )
    url = os.environ.get(URL_VARIABLE) or (record.url if record else "")
    health, problem = None, ""
    try:
        if url:
            with Client(url) as client:
                health = client.health()
                # It may have waited for a gateway that came back meanwhile.
                record = local_record() or record
    except Unavailable as exc:
        if record is None:
            raise
        problem = str(exc)  # what runs here can be shown all the same
    if as_json:
        print_json({"health": health, "local": record})
    else:
        out().print(status_view(health, record))
    if problem:
        print_error(problem)
        raise typer.Exit(UNREACHABLE)
    if health is None or health.status != "healthy":
        raise typer.Exit(FAILED)


def local_record() -> "FleetRecord | None":
    """What runs on this machine, when commands go to that fleet; None otherwise."""
    if os.environ.get(URL_VARIABLE):
        return None
    from tensorfleet.local.fleet_home import find_home
    from tensorfleet.local.fleet_record import read_record

    return read_record(find_home(os.environ))
