"""Watches a point that is held, and ends it as soon as longer would tell nothing more."""

from collections.abc import Callable

from tensorfleet.kinds.loadtest.campaign.figure import error_share, time_figure
from tensorfleet.kinds.loadtest.campaign.objective import Condition, Objective
from tensorfleet.kinds.loadtest.campaign.stability import HeldSecond, Standing, stand
from tensorfleet.kinds.loadtest.histogram import Histogram
from tensorfleet.kinds.loadtest.listener import Listener, LoadOrder
from tensorfleet.kinds.loadtest.record import Counts, Point, Second
from tensorfleet.kinds.loadtest.spec import Hold


class HeldPoint:
    """A listener between a runner and whoever listens.

    The point is ordered for the longest time that it may be held, and stopped earlier. Running
    again for longer instead would load the target twice and lose the seconds that were seen.
    """

    def __init__(
        self, objective: Objective, hold: Hold, listener: Listener, stop: Callable[[], None]
    ) -> None:
        self.was_stopped = False
        """By this watch: the point is complete although it was interrupted."""
        self._objective = objective
        self._hold = hold
        self._listener = listener
        self._stop = stop
        self._seconds: list[HeldSecond] = []
        self._counts = Counts()
        self._response = Histogram()

    def point_started(self, order: LoadOrder) -> None:
        """Passed on."""
        self._listener.point_started(order)

    def second(self, second: Second) -> None:
        """Decides whether the point has been held for long enough."""
        self._listener.second(second)
        if self.was_stopped:
            # Only drains, and what is still open then counts as unanswered.
            return
        self._add(second)
        if self.standing().is_over:
            self.was_stopped = True
            self._stop()

    def point_ended(self, point: Point) -> None:
        """Not passed on: whoever ordered the point first says that it is complete."""

    def note(self, text: str) -> None:
        """Passed on."""
        self._listener.note(text)

    def standing(self) -> Standing:
        """How the point stands, by the seconds so far."""
        is_kept, shares = True, []
        for condition in self._objective.conditions:
            # Service and server times are known at the end only; until then they hold.
            if "_" in condition.figure:
                continue
            measured = self._measured(condition)
            is_kept = is_kept and condition.allows(measured)
            if condition.is_of_time and measured is not None and condition.bound > 0:
                shares.append(measured / condition.bound)
        return stand(
            self._seconds,
            self._hold,
            bound_seconds=self._objective.tightest_seconds,
            bound_share=max(shares, default=None),
            is_kept=is_kept,
        )

    def final_standing(self, point: Point) -> Standing:
        """How the point stood at its end, also where the runner told no seconds as it went."""
        if not self._seconds:
            for second in point.seconds:
                self._add(second)
        return self.standing()

    def _add(self, second: Second) -> None:
        response = Histogram.decode(second.response)
        self._response.merge(response)
        counts = second.counts
        self._counts = Counts(
            answered=self._counts.answered + counts.answered,
            failed=self._counts.failed + counts.failed,
        )
        self._seconds.append(
            HeldSecond(
                end=second.start + second.seconds,
                scheduled=counts.scheduled,
                ended=counts.answered + counts.failed,
                median_seconds=response.percentile(50),
            )
        )

    def _measured(self, condition: Condition) -> float | None:
        if condition.figure == "errors":
            return error_share(self._counts)
        return time_figure(self._response, condition.figure)
