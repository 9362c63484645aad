"""A supervisor in the background: `python -m tensorfleet.local`, started by `detached.py`.

Takes its options as one JSON object in its first argument, tells events as JSON lines on standard
output until the fleet is ready, and from then on only to its log.
"""

import os
import sys
from pathlib import Path

import msgspec

from tensorfleet.local.detached import DetachedOptions
from tensorfleet.local.fleet import FleetOptions
from tensorfleet.local.fleet_event import FleetEvent, FleetReady
from tensorfleet.local.fleet_home import FleetHome
from tensorfleet.local.fleet_process import supervise
from tensorfleet.shared.errors import TensorFleetError


class EventPipe:
    """Passes events on to whoever started this process, as long as it listens."""

    def __init__(self) -> None:
        self._is_open = True

    def tell(self, event: FleetEvent) -> None:
        """Writes an event, and no further one after `FleetReady`."""
        if not self._is_open:
            return
        try:
            sys.stdout.buffer.write(msgspec.json.encode(event) + b"\n")
            sys.stdout.buffer.flush()
        except OSError:
            # The starter is gone; the fleet is wanted all the same.
            self._is_open = False
        if isinstance(event, FleetReady):
            self._is_open = False
        if not self._is_open:
            _point_at_nothing(sys.stdout.fileno())


def main() -> None:
    """Supervises until a signal. Exit status 1 when the fleet did not come up."""
    options = msgspec.json.decode(sys.argv[1], type=DetachedOptions)
    try:
        supervise(
            FleetOptions(
                home=FleetHome(Path(options.home)),
                workers=options.workers,
                gateway_port=options.gateway_port,
                machine=dict(os.environ),
            ),
            EventPipe().tell,
        )
    except TensorFleetError as exc:
        sys.stderr.write(f"{exc}\n")
        sys.exit(1)


def _point_at_nothing(descriptor: int) -> None:
    with Path(os.devnull).open("wb") as nothing:
        os.dup2(nothing.fileno(), descriptor)


if __name__ == "__main__":
    main()
