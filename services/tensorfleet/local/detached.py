"""Fleets in the background: started, found and stopped from another process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from tensorfleet.local.errors import ServerStartFailed
from tensorfleet.local.fleet_event import FleetEvent, FleetFailed, FleetReady
from tensorfleet.local.fleet_home import FleetHome
from tensorfleet.local.fleet_lock import is_locked
from tensorfleet.local.fleet_record import FleetRecord, read_record
from tensorfleet.shared.errors import Conflict

POLL_SECONDS = 0.05
# Workers may take 30 s, services 15, MongoDB 30; then there is something wrong.
STOP_TIMEOUT_SECONDS = 90.0
START_TIMEOUT_SECONDS = 150.0


class FleetStillRuns(Conflict):
    """A fleet did not stop in time."""

    reason = "FLEET_STILL_RUNS"


class DetachedOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a supervisor in the background is told."""

    home: str
    workers: int
    gateway_port: int


class DetachedStart:
    """A fleet that is being started in the background. Iterate over it to see it come up."""

    def __init__(self, options: DetachedOptions, environment: Mapping[str, str]) -> None:
        """Starts the supervisor."""
        home = FleetHome(Path(options.home))
        home.prepare()
        log = home.log_file("supervisor-output")
        log.parent.mkdir(mode=0o700, exist_ok=True)
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "tensorfleet.local"),
                    msgspec.json.encode(options).decode(),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                env=dict(environment),
                cwd=home.root,
                start_new_session=True,
            )
        self._log = log

    def events(self) -> Iterator[FleetEvent]:
        """What happens until the fleet is ready or has failed and is stopped."""
        assert self._process.stdout is not None  # noqa: S101  it was asked for
        failed = False
        for line in self._process.stdout:
            event: FleetEvent = msgspec.json.decode(line, type=FleetEvent)
            failed = failed or isinstance(event, FleetFailed)
            yield event
            if isinstance(event, FleetReady):
                self._process.stdout.close()
                return
        self._process.wait()
        if not failed:
            yield FleetFailed(message=self._last_words())

    def stop(self) -> None:
        """Stops what was started, however far it has come, and waits until nothing is left."""
        self._process.terminate()
        self._process.wait(STOP_TIMEOUT_SECONDS)

    def _last_words(self) -> str:
        said = self._log.read_text(errors="replace").strip()
        return said or f"the supervisor ended with status {self._process.returncode}"


def stop_fleet(home: FleetHome, *, is_urgent: bool = False) -> float | None:
    """Stops the fleet of this data folder and waits until nothing of it is left.

    Args:
        home: The folder.
        is_urgent: Whether to kill instead of letting tasks checkpoint.

    Returns:
        How many seconds it took; None when no fleet ran.

    Raises:
        FleetStillRuns: It still runs after a long wait.
    """
    begun = time.monotonic()
    signalled = 0
    while is_locked(home.lock_file):
        record = read_record(home)
        # Once for a polite stop, once more for an urgent one.
        if record is not None and signalled < 1 + is_urgent:
            with suppress(ProcessLookupError):
                os.kill(record.supervisor_pid, signal.SIGTERM)
            signalled += 1
        if time.monotonic() - begun > STOP_TIMEOUT_SECONDS:
            raise FleetStillRuns(
                f"the fleet in {home.root} still runs after {STOP_TIMEOUT_SECONDS:g} s; end it at "
                "once with `tensorfleet down --now`"
            )
        time.sleep(POLL_SECONDS)
    return time.monotonic() - begun if signalled else None


def wait_until_running(home: FleetHome) -> FleetRecord:
    """Returns once the fleet that another process started is healthy.

    Raises:
        ServerStartFailed: It has stopped instead, or takes too long.
    """
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline and is_locked(home.lock_file):
        record = read_record(home)
        if record is not None and record.state == "running":
            return record
        time.sleep(POLL_SECONDS)
    raise ServerStartFailed(
        f"the fleet in {home.root} was being started or stopped by another process, and does not "
        f"run now; see {home.log_file('supervisor')}, or try again"
    )
