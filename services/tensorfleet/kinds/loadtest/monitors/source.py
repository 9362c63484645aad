"""Where a machine's samples come from, and where they go."""

from typing import Protocol

from tensorfleet.kinds.loadtest.record import Sample


class SampleSink(Protocol):
    """Takes what a source sees of one machine."""

    def add(self, sample: Sample) -> None:
        """The next sample, in order of time."""

    def problem(self, text: str) -> None:
        """What could not be told, and what to do about it; the same text again adds nothing."""

    def cores(self, count: int) -> None:
        """How many the machine has."""

    def settled(self) -> None:
        """The machine is being watched, or cannot be for now: the load need not wait for it."""


class Source(Protocol):
    """Watches one machine."""

    async def watch(self, sink: SampleSink) -> None:
        """Samples until it is cancelled, or until the machine cannot be watched at all."""
