"""The client of the fleet that commands are about."""

import os

from tensorfleet.cli.exit_status import FleetNotFound
from tensorfleet.local.fleet_home import find_home
from tensorfleet.local.fleet_lock import is_locked
from tensorfleet.sdk.client import Client
from tensorfleet.sdk.credentials import URL_VARIABLE


def open_client() -> Client:
    """A client of the fleet that the environment names, else of the one on this machine.

    Raises:
        FleetNotFound: Neither is there. Said at once, instead of after some tries.
        Unauthenticated: There are no credentials for it.
    """
    if not os.environ.get(URL_VARIABLE):
        home = find_home(os.environ)
        if not is_locked(home.lock_file):
            raise FleetNotFound(
                f"no fleet runs in {home.root}: start it with `tensorfleet up`, or name one "
                f"elsewhere with {URL_VARIABLE}"
            )
        if not home.credentials_file.exists():
            raise FleetNotFound(f"the fleet in {home.root} is only just starting; try again soon")
    return Client()
