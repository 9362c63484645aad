"""`tensorfleet demo`: the whole way from data to an answer, on a real fleet."""

import os
from typing import Annotated

import typer

from tensorfleet.cli.exit_status import FAILED
from tensorfleet.sdk.credentials import URL_VARIABLE


def demo(
    *,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave a fleet that this starts running.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="At the end, the results in JSON.")
    ] = False,
) -> None:
    """Train a model of handwritten digits, register it, and ask it for what it has never seen.

    Uses the fleet that runs, or starts one and stops it at the end. The exit status is 0 only when
    everything worked: the training, its checkpoints, a test accuracy of at least 0.95, the
    registered model, and its answers through the gateway.
    """
    from tensorfleet.cli.demo_run import run_demo
    from tensorfleet.cli.demo_view import DemoView
    from tensorfleet.cli.terminal import print_error, print_json
    from tensorfleet.cli.up import start_detached
    from tensorfleet.local.detached import stop_fleet
    from tensorfleet.local.fleet_home import find_home
    from tensorfleet.local.fleet_lock import is_locked

    home = find_home(os.environ)
    is_ours = not os.environ.get(URL_VARIABLE) and not is_locked(home.lock_file)
    view = DemoView(as_json=as_json)
    started_seconds = None
    try:
        if is_ours:
            view.headline("Starting a fleet on this machine")
            started_seconds = start_detached(home, view.tell_fleet, workers=2, port=7100)
        results = run_demo(view, fleet_seconds=started_seconds)
        if as_json:
            print_json(results)
        else:
            view.show_results(results, fleet_stays=keep or not is_ours)
    finally:
        if is_ours and not keep:
            view.headline("Stopping the fleet that the demo started")
            stop_fleet(home)
    if results.problems:
        for problem in results.problems:
            print_error(problem)
        raise typer.Exit(FAILED)
