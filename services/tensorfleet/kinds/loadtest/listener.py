"""How a running load test tells how it goes, and what runs its points."""

from typing import Protocol

import msgspec

from tensorfleet.kinds.loadtest.arrivals import Arrivals
from tensorfleet.kinds.loadtest.record import Point, Second, Watched


class LoadOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A point to run."""

    label: str
    arrivals: Arrivals
    phase: str = "run"
    load: int | None = None
    rate: float | None = None


class Listener(Protocol):
    """A live view, or a job's events. Its methods return at once."""

    def point_started(self, order: LoadOrder) -> None:
        """A point begins."""

    def second(self, second: Second) -> None:
        """The next second of the point that runs, of all generators together."""

    def point_ended(self, point: Point) -> None:
        """A point has ended."""

    def note(self, text: str) -> None:
        """Something that a person wants to know, such as a search's next step."""


class LoadRunner(Protocol):
    """What makes load: a crew of generators on one or several machines."""

    async def run(self, order: LoadOrder, listener: Listener) -> Point:
        """Runs a point to its end, or to that which `stop` asks for.

        Raises:
            TensorFleetError: The target cannot be used at all, or a generator was lost.
        """

    def stop(self) -> None:
        """Ends the running point soon; what ran of it is returned, marked as interrupted."""

    def clock(self) -> float:
        """Seconds since the document's start: the clock of points and of samples."""


class Watch(Protocol):
    """Monitors of machines, started before the first point."""

    async def start(self) -> None:
        """Begins to sample; a machine that cannot be reached is a problem in its record."""

    async def stop(self) -> None:
        """Ends sampling."""

    def watched(self) -> tuple[Watched, ...]:
        """What was seen so far."""
