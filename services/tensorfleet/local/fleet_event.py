"""What happens to a fleet on one machine, told to whoever shows, logs or records it."""

from collections.abc import Callable

import msgspec


class FleetEventBase(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """One thing that happened."""


class FleetStarting(FleetEventBase, frozen=True, kw_only=True, tag="fleet_starting"):
    """The parts are known and will be started."""

    parts: list[str]
    """In the order to show them."""


class Notice(FleetEventBase, frozen=True, kw_only=True, tag="notice"):
    """Something a person should know: another port, a server of the user's own."""

    text: str


class PartStarting(FleetEventBase, frozen=True, kw_only=True, tag="part_starting"):
    """A part's process is being started."""

    part: str


class PartReady(FleetEventBase, frozen=True, kw_only=True, tag="part_ready"):
    """A part answers."""

    part: str
    pid: int
    port: int
    seconds: float
    """Since its start."""


class PartEnded(FleetEventBase, frozen=True, kw_only=True, tag="part_ended"):
    """A part died, or could not be started; it will be started again."""

    part: str
    how: str
    """Completes the sentence "<part> ...": "was killed by SIGKILL"."""
    log_tail: str
    """Its last lines, when they may say why."""
    restart_seconds: float
    """Wait before its next start."""


class FleetReady(FleetEventBase, frozen=True, kw_only=True, tag="fleet_ready"):
    """Everything is healthy, and the credentials are in their file."""

    url: str
    dashboard_url: str
    docs_url: str
    seconds: float
    """Since the start of all."""
    is_first_start: bool
    """Whether the password of `admin` is new."""


class FleetFailed(FleetEventBase, frozen=True, kw_only=True, tag="fleet_failed"):
    """The fleet did not come up; whatever ran of it is being stopped."""

    message: str


class FleetStopping(FleetEventBase, frozen=True, kw_only=True, tag="fleet_stopping"):
    """The parts are being stopped."""


class FleetStopped(FleetEventBase, frozen=True, kw_only=True, tag="fleet_stopped"):
    """No process is left."""

    seconds: float
    """Since the wish to stop."""


FleetEvent = (
    FleetStarting
    | Notice
    | PartStarting
    | PartReady
    | PartEnded
    | FleetReady
    | FleetFailed
    | FleetStopping
    | FleetStopped
)

Tell = Callable[[FleetEvent], None]
