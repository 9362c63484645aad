"""`tensorfleet up` and `tensorfleet down`: a fleet on this machine."""

import os
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from tensorfleet.cli.exit_status import FAILED

if TYPE_CHECKING:
    from tensorfleet.local.fleet_event import Tell
    from tensorfleet.local.fleet_home import FleetHome

Workers = Annotated[
    int, typer.Option("--workers", "-w", min=1, max=256, help="How many workers to start.")
]
Port = Annotated[
    int, typer.Option("--port", min=1, max=65535, help="Port of the gateway, if it is free.")
]


def up(
    *,
    detach: Annotated[
        bool,
        typer.Option(
            "--detach", "-d", help="Keep it running in the background; return once it is healthy."
        ),
    ] = False,
    workers: Workers = 2,
    port: Port = 7100,
    as_json: Annotated[bool, typer.Option("--json", help="Tell events as JSON lines.")] = False,
) -> None:
    """Start a fleet on this machine: real stores, all services, and workers.

    Data lies in $TENSORFLEET_HOME (default: ~/.tensorfleet) and is there again at the next start.
    Whatever dies is started again. Ctrl-C stops everything, a second one at once. Given
    TENSORFLEET_MONGO_URL, TENSORFLEET_REDIS_URL or TENSORFLEET_S3_URL (with its keys), the fleet
    uses those servers instead of starting its own.

    With --detach, a fleet that runs already is fine (exit status 0 once it is healthy); without,
    it is an error.
    """
    from tensorfleet.cli.terminal import done, out, print_json
    from tensorfleet.local.detached import wait_until_running
    from tensorfleet.local.fleet_home import find_home
    from tensorfleet.local.fleet_lock import is_locked

    home = find_home(os.environ)
    tell = _teller(home, as_json=as_json, is_detached=detach)
    if not detach:
        _supervise_here(home, tell, workers=workers, port=port)
    elif is_locked(home.lock_file):
        record = wait_until_running(home)
        if as_json:
            print_json(record, is_line=True)
        else:
            out().print(done(f"A fleet runs already in {home.root}: {record.url}"))
    else:
        start_detached(home, tell, workers=workers, port=port)


def down(
    *,
    now: Annotated[
        bool, typer.Option("--now", help="Do not wait for tasks to save their state.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON.")] = False,
) -> None:
    """Stop the fleet on this machine; its data stays.

    Tasks that run get time for a checkpoint and go on from there at the next start.
    """
    from tensorfleet.cli.terminal import done, out, print_json
    from tensorfleet.local.detached import stop_fleet
    from tensorfleet.local.fleet_home import find_home

    home = find_home(os.environ)
    seconds = stop_fleet(home, is_urgent=now)
    if as_json:
        print_json({"was_running": seconds is not None, "seconds": seconds or 0.0})
    elif seconds is None:
        out().print(f"No fleet runs in {home.root}.")
    else:
        out().print(done(f"The fleet in {home.root} has stopped", f"({seconds:.1f} s)"))


def start_detached(home: "FleetHome", tell: "Tell", *, workers: int, port: int) -> float:
    """Starts a fleet in the background and waits until it is healthy.

    Returns:
        How many seconds that took.

    Raises:
        typer.Exit: It did not come up; `tell` has said why, and nothing of it is left.
    """
    from tensorfleet.local.detached import DetachedOptions, DetachedStart
    from tensorfleet.local.fleet_event import FleetReady

    options = DetachedOptions(home=str(home.root), workers=workers, gateway_port=port)
    start = DetachedStart(options, os.environ)
    try:
        for event in start.events():
            tell(event)
            if isinstance(event, FleetReady):
                return event.seconds
    except KeyboardInterrupt:
        start.stop()
        raise
    raise typer.Exit(FAILED)


def _supervise_here(home: "FleetHome", tell: "Tell", *, workers: int, port: int) -> None:
    from tensorfleet.local.fleet import FleetOptions
    from tensorfleet.local.fleet_lock import FleetRunsAlready
    from tensorfleet.local.fleet_process import supervise
    from tensorfleet.shared.errors import TensorFleetError

    options = FleetOptions(home=home, workers=workers, gateway_port=port, machine=dict(os.environ))
    try:
        supervise(options, tell)
    except FleetRunsAlready:
        raise
    except TensorFleetError:
        raise typer.Exit(FAILED) from None  # `tell` has shown the reason


def _teller(home: "FleetHome", *, as_json: bool, is_detached: bool) -> "Tell":
    from tensorfleet.cli.fleet_view import fleet_view, ready_panel
    from tensorfleet.cli.terminal import out, print_json

    if as_json:
        return partial(print_json, is_line=True)
    describe = partial(ready_panel, console=out(), home=home, is_detached=is_detached)
    return fleet_view(out(), describe).tell
