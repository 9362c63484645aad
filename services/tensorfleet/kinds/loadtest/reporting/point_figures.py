"""What a point's counts and histograms say, as numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from tensorfleet.kinds.loadtest.arrivals import Closed
from tensorfleet.kinds.loadtest.histogram import Histogram
from tensorfleet.kinds.loadtest.record import Point
from tensorfleet.kinds.loadtest.reporting.arrival_text import planned_seconds

PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9, 99.99, 99.999)
"""Those that every table has."""


def percentile_name(percent: float) -> str:
    """ "p99.9"."""
    return f"p{percent:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How durations are spread, in seconds; all None where none was measured."""

    count: int
    mean: float | None
    minimum: float | None
    maximum: float | None
    percentiles: Mapping[float, float | None]
    """By those of `PERCENTILES`."""

    @classmethod
    def of(cls, histogram: Histogram) -> "Spread":
        """That of what a histogram counted."""
        found = histogram.percentiles(PERCENTILES)
        return cls(
            count=histogram.total,
            mean=histogram.mean,
            minimum=histogram.minimum,
            maximum=histogram.maximum,
            percentiles=dict(zip(PERCENTILES, found, strict=True)),
        )

    def figures(self) -> dict[str, float | None]:
        """All of them by name: mean, min, max, p50, ..."""
        return {
            "mean": self.mean,
            "min": self.minimum,
            "max": self.maximum,
            **{percentile_name(percent): value for percent, value in self.percentiles.items()},
        }


class PointFigures:
    """A point with its numbers, each computed at first use."""

    def __init__(self, point: Point) -> None:
        self.point = point

    @cached_property
    def response(self) -> Spread:
        """From the intended start to the answer."""
        return Spread.of(Histogram.decode(self.point.response))

    @cached_property
    def service(self) -> Spread:
        """From the send to the answer."""
        return Spread.of(Histogram.decode(self.point.service))

    @cached_property
    def server(self) -> Spread:
        """The server's own processing, where it reports it."""
        return Spread.of(Histogram.decode(self.point.server))

    @cached_property
    def lateness(self) -> Spread:
        """Of the generator."""
        return Spread.of(Histogram.decode(self.point.lateness))

    @property
    def spreads(self) -> dict[str, Spread]:
        """The four above by name."""
        return {
            "response": self.response,
            "service": self.service,
            "server": self.server,
            "lateness": self.lateness,
        }

    @property
    def seconds(self) -> float:
        """How long load was made and answered, for rates.

        The last arrival of 10 seconds at 1/s lies at 9 s: the planned time counts if it is longer.
        """
        planned = 0.0 if self.point.interrupted else planned_seconds(self.point.arrivals) or 0.0
        return max(self.point.duration_seconds, planned)

    @property
    def asked_rate(self) -> float | None:
        """Arrivals a second that were asked for, on average.

        None for a closed loop, and for changing rates that were cut short.
        """
        if self.point.rate is not None:
            return self.point.rate
        if isinstance(self.point.arrivals, Closed) or self.point.interrupted:
            return None
        span = planned_seconds(self.point.arrivals) or self.point.duration_seconds
        return self.point.counts.scheduled / span if span > 0 else None

    @property
    def sent_rate(self) -> float | None:
        """Requests a second that were sent."""
        span = self.seconds
        if not self.point.counts.held and not self.point.interrupted:
            # None had to wait for a connection: all went out before the last answers came.
            span = planned_seconds(self.point.arrivals) or span
        return self.point.counts.sent / span if span > 0 else None

    @property
    def answered_rate(self) -> float | None:
        """Good answers a second."""
        return self.point.counts.answered / self.seconds if self.seconds > 0 else None

    @property
    def error_share(self) -> float | None:
        """Failed ones of those that ended; None when none did."""
        ended = self.point.counts.answered + self.point.counts.failed
        return self.point.counts.failed / ended if ended else None

    @property
    def open_count(self) -> int:
        """Arrivals without an answer or a failure when the point ended."""
        counts = self.point.counts
        return max(0, counts.scheduled - counts.answered - counts.failed)

    @property
    def verdict(self) -> str:
        """ "valid", "INVALID" or "interrupted"."""
        if not self.point.is_valid:
            return "INVALID"
        return "interrupted" if self.point.interrupted else "valid"
