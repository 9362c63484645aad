"""What one generator tells of its share: parts of seconds and points, to be summed up."""

from dataclasses import dataclass, field

import msgspec

from tensorfleet.kinds.loadtest.histogram import Histogram


class SecondPart(msgspec.Struct, kw_only=True):
    """One generator's second. Histograms are `Histogram.sparse` bytes."""

    start: int
    scheduled: int
    sent: int
    late: int
    held: int
    answered: int
    errors: dict[str, int]
    statuses: dict[str, int]
    response: bytes
    service: bytes
    sent_bytes: int = 0
    received_bytes: int = 0


@dataclass(slots=True, kw_only=True)
class StepPart:
    """One step of a case."""

    name: str
    answered: int = 0
    failed: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    service: Histogram = field(default_factory=Histogram)


@dataclass(slots=True, kw_only=True)
class PointPart:
    """One generator's whole point; counts are those of its seconds."""

    start: int
    end: int = 0
    """The last answer, or the end of waiting for it; of the generator's clock, as `start`."""
    cpu_share: float = 0.0
    """Of one core."""
    notes: dict[str, str] = field(default_factory=dict)
    """The first message of each error code."""
    response: Histogram = field(default_factory=Histogram)
    service: Histogram = field(default_factory=Histogram)
    lateness: Histogram = field(default_factory=Histogram)
    server: Histogram = field(default_factory=Histogram)
    steps: list[StepPart] = field(default_factory=list)
