"""Whole fleets for tests: started and stopped through the command line, as a user does."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import msgspec
import psutil

from tensorfleet.local.fleet_home import FleetHome
from tensorfleet.local.fleet_record import FleetRecord, read_record
from tensorfleet.sdk.client import Client

PROGRAM = Path(sys.executable).with_name("tensorfleet")
COMMAND_TIMEOUT_SECONDS = 100.0


@dataclass(frozen=True, kw_only=True)
class FleetOnDisk:
    """A data folder, and commands about the fleet in it."""

    home: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    """What a user would have set besides."""

    @property
    def environment(self) -> dict[str, str]:
        """Of commands: the tester's own settings of a fleet have no part in it."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TENSORFLEET_")}
        return {**kept, "TENSORFLEET_HOME": str(self.home), "COLUMNS": "100", **self.variables}

    @property
    def url(self) -> str:
        """The gateway's."""
        return self.record().url

    def client(self) -> Client:
        """An SDK client, logged in as admin. Close it."""
        credentials = msgspec.json.decode((self.home / "credentials.json").read_bytes())
        return Client(
            credentials["url"],
            username=credentials["username"],
            password=credentials["password"],
        )

    def cli(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Runs `tensorfleet ...` to its end."""
        return subprocess.run(
            [str(PROGRAM), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=False,
        )

    def spawn(self, *arguments: str, output: IO[str]) -> subprocess.Popen[str]:
        """Starts `tensorfleet ...`; both of its outputs go to the file."""
        return subprocess.Popen(
            [str(PROGRAM), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
        )

    def record(self) -> FleetRecord:
        """What runs now."""
        record = read_record(FleetHome(self.home))
        assert record is not None, f"no fleet runs in {self.home}"
        return record

    def pid(self, part: str) -> int:
        """Process id of a part; zero while it is not running."""
        return self.record().part(part).pid

    def processes(self) -> list[psutil.Process]:
        """Every process that names the data folder, in its arguments, environment or place."""
        return [process for process in psutil.process_iter() if self._is_mine(process)]

    def _is_mine(self, process: psutil.Process) -> bool:
        try:
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                return False
            said = (*process.cmdline(), *process.environ().values(), process.cwd())
        except (psutil.Error, OSError):
            return False
        return any(str(self.home) in text for text in said)


@contextmanager
def fleet_running(fleet: FleetOnDisk, *options: str) -> Iterator[FleetOnDisk]:
    """A fleet in the background for as long as the block."""
    started = fleet.cli("up", "--detach", *options)
    assert started.returncode == 0, f"{started.stdout}\n{started.stderr}"
    try:
        yield fleet
    finally:
        stopped = fleet.cli("down")
        kill_all(fleet)
        assert stopped.returncode == 0, f"{stopped.stdout}\n{stopped.stderr}"


def kill_all(fleet: FleetOnDisk) -> None:
    """Ends what a failed test left running."""
    for process in fleet.processes():
        try:
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
