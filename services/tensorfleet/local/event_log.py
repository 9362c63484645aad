"""The supervisor's own log: a fleet's events, one JSON object a line."""

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tensorfleet.local.fleet_event import FleetEvent


class EventLog:
    """Appends events to a file that only its owner may read."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def tell(self, event: FleetEvent) -> None:
        """Writes an event."""
        line = {"time": datetime.now(UTC), **msgspec.to_builtins(event)}
        os.write(self._descriptor, msgspec.json.encode(line) + b"\n")

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)
