"""The data folder of a machine's fleet, and what lies where in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tensorfleet.sdk.credentials import FILE_NAME, fleet_home


@dataclass(frozen=True, slots=True)
class FleetHome:
    """Paths below one data folder; every start of a fleet finds what earlier ones left there."""

    root: Path

    @property
    def record_file(self) -> Path:
        """What runs, while it runs."""
        return self.root / "fleet.json"

    @property
    def lock_file(self) -> Path:
        """Held by the one supervisor of this folder."""
        return self.root / "fleet.lock"

    @property
    def secrets_file(self) -> Path:
        """Made at the first start."""
        return self.root / "secrets.json"

    @property
    def credentials_file(self) -> Path:
        """How the SDK and the command line on this machine log in."""
        return self.root / FILE_NAME

    def log_file(self, part: str) -> Path:
        """Output of one of the fleet's processes."""
        return self.root / "logs" / f"{part}.log"

    def data_dir(self, part: str) -> Path:
        """Data of one store server."""
        return self.root / part

    def worker_dir(self, worker: str) -> Path:
        """Data of one worker."""
        return self.root / "workers" / worker

    def prepare(self) -> None:
        """Makes the folder, readable by its owner only.

        Raises:
            OSError: It cannot be made.
        """
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.root.chmod(0o700)


def find_home(environment: Mapping[str, str]) -> FleetHome:
    """The folder that `TENSORFLEET_HOME` names, else the one in the user's home."""
    return FleetHome(fleet_home(environment).absolute())
