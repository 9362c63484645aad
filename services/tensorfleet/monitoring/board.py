"""The newest look at the fleet: written by the loop that looks, read by threads that show."""

from tensorfleet.monitoring.health import Snapshot


class HealthBoard:
    """Holds one immutable snapshot; replacing it is atomic, so readers need no lock."""

    def __init__(self) -> None:
        self.newest: Snapshot | None = None
