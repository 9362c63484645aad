"""What runs of a machine's fleet, in a file for the command line and for people."""

import os
from pathlib import Path
from typing import Literal

import msgspec
import psutil

from tensorfleet.local import fleet_event as events
from tensorfleet.local.fleet_home import FleetHome
from tensorfleet.local.fleet_lock import is_locked
from tensorfleet.local.secret_file import write_secret

FleetState = Literal["starting", "running", "stopping"]
PartState = Literal["waiting", "starting", "ready", "restarting"]


class PartRecord(msgspec.Struct, kw_only=True):
    """One process of the fleet."""

    name: str
    state: PartState = "waiting"
    pid: int = 0
    """Zero while it does not run."""
    port: int = 0
    """Where it listens on loopback; of a worker, its metrics."""
    ready_seconds: float = 0.0
    """How long its last start took."""
    restarts: int = 0


class FleetRecord(msgspec.Struct, kw_only=True):
    """A fleet that runs, or is being started or stopped."""

    supervisor_pid: int
    supervisor_start_time: float
    """As the kernel tells it: the same pid later is another process."""
    version: str
    state: FleetState
    home: str
    url: str
    dashboard_url: str
    docs_url: str
    parts: list[PartRecord]

    def part(self, name: str) -> PartRecord:
        """The part of this name."""
        return next(part for part in self.parts if part.name == name)


def read_record(home: FleetHome) -> FleetRecord | None:
    """The fleet that runs in this data folder; None when none does.

    A record that a machine's crash left behind is not believed: its supervisor's lock is gone.
    """
    if not is_locked(home.lock_file):
        return None
    try:
        record = msgspec.json.decode(home.record_file.read_bytes(), type=FleetRecord)
        started = psutil.Process(record.supervisor_pid).create_time()
    except (FileNotFoundError, psutil.NoSuchProcess):
        return None
    return record if started == record.supervisor_start_time else None


class RecordKeeper:
    """Follows a fleet's events and keeps its record up to date."""

    def __init__(self, path: Path, *, version: str, home: Path) -> None:
        self._path = path
        self._record = FleetRecord(
            supervisor_pid=os.getpid(),
            supervisor_start_time=psutil.Process().create_time(),
            version=version,
            state="starting",
            home=str(home),
            url="",
            dashboard_url="",
            docs_url="",
            parts=[],
        )
        self._write()

    def tell(self, event: events.FleetEvent) -> None:
        """Takes an event in."""
        record = self._record
        match event:
            case events.FleetStarting():
                record.parts = [PartRecord(name=name) for name in event.parts]
            case events.PartStarting():
                record.part(event.part).state = "starting"
            case events.PartReady():
                part = record.part(event.part)
                part.state, part.pid, part.port = "ready", event.pid, event.port
                part.ready_seconds = event.seconds
            case events.PartEnded():
                part = record.part(event.part)
                part.state, part.pid, part.restarts = "restarting", 0, part.restarts + 1
            case events.FleetReady():
                record.state, record.url = "running", event.url
                record.dashboard_url, record.docs_url = event.dashboard_url, event.docs_url
            case events.FleetStopping():
                record.state = "stopping"
            case _:
                return
        self._write()

    def remove(self) -> None:
        """Removes the file: nothing runs any more."""
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        text = msgspec.json.format(msgspec.json.encode(self._record)).decode()
        write_secret(self._path, text, is_durable=False)
