"""A load runner whose target is a simulated queue: real histograms, no time passes."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tensorfleet.kinds.loadtest.arrivals import Constant
from tensorfleet.kinds.loadtest.histogram import NANOSECONDS, Histogram
from tensorfleet.kinds.loadtest.listener import Listener, LoadOrder
from tensorfleet.kinds.loadtest.record import Counts, Point, Reason, Second
from tensorfleet.shared.errors import Unavailable

NETWORK_SECONDS = 0.0002
_RESOLUTION_SECONDS = 0.004
"""Of response times: histograms with few buckets are quick to write."""

Times = npt.NDArray[np.float64]


@dataclass(slots=True, kw_only=True)
class SimulatedTarget:
    """One server with a queue. Each run draws its own noise."""

    random: np.random.Generator
    service_seconds: Callable[[int | None], float]
    """Mean time of one request, by load parameter."""
    variation: float = 0.0
    """Of the time of single requests: the coefficient of variation of a gamma distribution."""
    wander: float = 0.0
    """Standard deviation of a run's mean time from the true one, as a share."""
    stalls_per_second: float = 0.0
    stall_seconds: float = 0.0
    fails_from: float = float("inf")
    """A load or rate from which on every request is refused at once."""

    def finish_times(self, order: LoadOrder, starts: Times) -> Times:
        """When each arrival is answered (Lindley's recursion, unrolled)."""
        mean = self.service_seconds(order.load) * (1 + self.wander * self.random.normal())
        work = np.full(starts.size, mean)
        if self.variation:
            shape = 1 / self.variation**2
            work = self.random.gamma(shape, mean / shape, starts.size)
        if self.stalls_per_second and starts.size > 1:
            chance = self.stalls_per_second * float(starts[1] - starts[0])
            work += self.stall_seconds * (self.random.random(starts.size) < chance)
        done = np.cumsum(work)
        finishes: Times = done + np.maximum.accumulate(starts - (done - work)) + NETWORK_SECONDS
        return finishes

    def is_refused(self, order: LoadOrder) -> bool:
        """Whether this point is beyond what the target takes at all."""
        return max(order.load or 0, order.rate or 0.0) >= self.fails_from


@dataclass(slots=True, kw_only=True)
class SimulatedRunner:
    """Runs orders of constant rate against it."""

    target: SimulatedTarget
    generator_limit: float = float("inf")
    """Rates above are more than the generator can make."""
    late_above: float = float("inf")
    """Rates above make it a little late."""
    fails_at_point: int = -1
    """The number of the point that cannot run."""
    on_second: Callable[[], None] | None = None
    orders: list[LoadOrder] = field(default_factory=list)
    seconds_passed: float = 0.0
    _is_stopped: bool = False

    async def run(self, order: LoadOrder, listener: Listener) -> Point:
        if len(self.orders) == self.fails_at_point:
            raise Unavailable("the worker is gone")
        self.orders.append(order)
        self._is_stopped = False
        listener.point_started(order)
        assert isinstance(order.arrivals, Constant)
        rate, length = order.arrivals.rate, order.arrivals.duration_seconds
        starts = np.arange(max(1, round(rate * length))) / rate
        is_refused = self.target.is_refused(order)
        finishes = (
            starts + NETWORK_SECONDS if is_refused else self.target.finish_times(order, starts)
        )
        seconds: list[Second] = []
        while not self._is_stopped and len(seconds) <= finishes[-1]:
            seconds.append(_second(len(seconds), starts, finishes, is_refused))
            listener.second(seconds[-1])
            if self.on_second is not None:
                self.on_second()
            await asyncio.sleep(0)
        point = self._point(order, starts, finishes, seconds)
        listener.point_ended(point)
        return point

    def stop(self) -> None:
        self._is_stopped = True

    def clock(self) -> float:
        return self.seconds_passed

    def _point(
        self, order: LoadOrder, starts: Times, finishes: Times, seconds: list[Second]
    ) -> Point:
        ended = finishes < len(seconds)
        scheduled = sum(second.counts.scheduled for second in seconds)
        open_count = scheduled - int(ended.sum()) if self._is_stopped else 0
        response = Histogram()
        response.record(_nanoseconds((finishes - starts)[ended]))
        failed = sum(second.counts.failed for second in seconds)
        start = self.seconds_passed
        self.seconds_passed += len(seconds)
        rate = order.rate or 0.0
        code = "GENERATOR_LATE" if rate <= self.generator_limit else "GENERATOR_BEHIND"
        is_valid = rate <= min(self.generator_limit, self.late_above)
        return Point(
            label=order.label,
            phase=order.phase,
            load=order.load,
            rate=order.rate,
            arrivals=order.arrivals,
            start_seconds=start,
            duration_seconds=float(finishes[ended][-1]) if ended.any() else float(len(seconds)),
            counts=Counts(
                scheduled=scheduled,
                sent=sum(second.counts.sent for second in seconds),
                answered=int(ended.sum()) - failed,
                failed=failed + open_count,
                errors={"UNANSWERED": open_count} if open_count else {},
            ),
            response=response.encode(),
            service=response.encode(),
            seconds=tuple(seconds),
            is_valid=is_valid,
            reasons=() if is_valid else (Reason(code=code, message="the generator was slow"),),
            interrupted=self._is_stopped,
        )


@dataclass(slots=True)
class Heard:
    """A listener that remembers."""

    started: list[LoadOrder] = field(default_factory=list)
    seconds: list[Second] = field(default_factory=list)
    ended: list[Point] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def point_started(self, order: LoadOrder) -> None:
        self.started.append(order)

    def second(self, second: Second) -> None:
        self.seconds.append(second)

    def point_ended(self, point: Point) -> None:
        self.ended.append(point)

    def note(self, text: str) -> None:
        self.notes.append(text)


def _nanoseconds(times: Times) -> Times:
    rounded: Times = np.ceil(times / _RESOLUTION_SECONDS) * _RESOLUTION_SECONDS * NANOSECONDS
    return rounded


def _second(number: int, starts: Times, finishes: Times, is_refused: bool) -> Second:
    first, last = np.searchsorted(starts, (number, number + 1))
    done_first, done_last = np.searchsorted(finishes, (number, number + 1))
    response = Histogram()
    response.record(_nanoseconds((finishes - starts)[done_first:done_last]))
    count = int(done_last - done_first)
    return Second(
        start=number,
        counts=Counts(
            scheduled=int(last - first),
            sent=int(last - first),
            answered=0 if is_refused else count,
            failed=count if is_refused else 0,
        ),
        response=response.encode(),
    )
