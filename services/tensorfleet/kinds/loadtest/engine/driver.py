"""What lets arrivals run: the same for requests, for gRPC and for one's own cases."""

from collections.abc import Callable
from typing import Protocol

from tensorfleet.kinds.loadtest.engine.recorder import Recorder

_KEPT_NOTES = 20


class Driver(Protocol):
    """Runs arrivals against the target."""

    in_flight: int
    """Arrivals that have begun and not ended."""
    step_names: tuple[str, ...]
    """Of a case of several steps; otherwise empty."""
    makes_cycles: bool
    """Whether garbage must be collected during a run; otherwise it is put off to its end."""

    async def open(self) -> None:
        """Reaches the target once.

        Raises:
            Unavailable: It cannot be reached.
            InvalidInput: The case does not fit it.
        """

    async def begin(
        self,
        load: int | None,
        recorder: Recorder,
        connections: int,
        ended: Callable[[], None] | None,
    ) -> None:
        """Readies for a point.

        Args:
            connections: So many will be needed soon.
            ended: Called whenever an arrival has ended, well or not, if somebody wants to know.
        """

    def fire(self, intended: int, number: int) -> bool:
        """Begins an arrival; whether its request was sent at once.

        It notes in the recorder what becomes of it, whatever that is.
        """

    def give_up(self, code: str, message: str) -> None:
        """Ends all arrivals that have not ended."""

    def transferred(self) -> tuple[int, int]:
        """Bytes sent and received so far."""

    def notes(self) -> dict[str, str]:
        """The first message of each code that arrivals failed with, for people."""

    async def close(self) -> None:
        """Ends all connections."""


class Notes:
    """The first message of each code."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def add(self, code: str, message: str) -> None:
        """Keeps a message, if the code has none."""
        if code not in self.found and len(self.found) < _KEPT_NOTES:
            self.found[code] = message[:500]
