"""Runs points one after another, until the last or until somebody wants it to end."""

import asyncio
from dataclasses import dataclass, field

import msgspec

from tensorfleet.kinds.loadtest.arrivals import Constant
from tensorfleet.kinds.loadtest.campaign.held_point import HeldPoint
from tensorfleet.kinds.loadtest.campaign.objective import Objective
from tensorfleet.kinds.loadtest.campaign.stability import Standing
from tensorfleet.kinds.loadtest.listener import Listener, LoadOrder, LoadRunner
from tensorfleet.kinds.loadtest.record import Counts, Point
from tensorfleet.kinds.loadtest.spec import Hold

UNANSWERED = "UNANSWERED"
"""The code of arrivals that were on their way when their point ended."""


class CourseStopped(Exception):
    """Somebody wants the load test to end; what ran is kept."""


@dataclass(slots=True, kw_only=True)
class Course:
    """The points of a load test, as they run."""

    runner: LoadRunner
    listener: Listener
    stop: asyncio.Event
    """Set by whoever wants the load test to end soon."""
    points: list[Point] = field(default_factory=list)

    async def run(self, order: LoadOrder) -> Point:
        """Runs a point to its end.

        Raises:
            CourseStopped: Before or during the point; what ran of it is among the points.
            TensorFleetError: The runner could not.
        """
        point = await self._run(order, self.listener)
        self._keep(point)
        return point

    async def hold(
        self, order: LoadOrder, objective: Objective, hold: Hold
    ) -> tuple[Point, Standing]:
        """Runs a point until its figures are stable.

        Raises:
            CourseStopped: Before or during the point; what ran of it is among the points.
            TensorFleetError: The runner could not.
        """
        watch = HeldPoint(objective, hold, self.listener, self.runner.stop)
        point = await self._run(order, watch)
        if watch.was_stopped and point.interrupted and not self.stop.is_set():
            point = _complete(point)
        self.listener.point_ended(point)
        self._keep(point)
        return point, watch.final_standing(point)

    async def rest(self, seconds: float) -> None:
        """Lets the target come to rest after a point; not before the first.

        Raises:
            CourseStopped: Meanwhile.
        """
        if self.points and seconds > 0:
            try:
                async with asyncio.timeout(seconds):
                    await self.stop.wait()
            except TimeoutError:
                return
            raise CourseStopped

    async def _run(self, order: LoadOrder, listener: Listener) -> Point:
        if self.stop.is_set():
            raise CourseStopped
        running = asyncio.ensure_future(self.runner.run(order, listener))
        stopping = asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                self.runner.stop()
            return await running
        finally:
            running.cancel()
            stopping.cancel()
            await asyncio.wait({running, stopping})

    def _keep(self, point: Point) -> None:
        self.points.append(point)
        if point.interrupted or self.stop.is_set():
            raise CourseStopped


def _complete(point: Point) -> Point:
    """A point that was stopped because its figures were stable: it lasted as long as it should.

    What was on its way then is still open, and no failure of the target.
    """
    arrivals = point.arrivals
    if isinstance(arrivals, Constant) and arrivals.rate > 0:
        arrivals = msgspec.structs.replace(
            arrivals, duration_seconds=point.counts.scheduled / arrivals.rate
        )
    return msgspec.structs.replace(
        point,
        interrupted=False,
        arrivals=arrivals,
        counts=_without_unanswered(point.counts),
        seconds=tuple(
            msgspec.structs.replace(second, counts=_without_unanswered(second.counts))
            for second in point.seconds
        ),
        steps=tuple(
            msgspec.structs.replace(
                step,
                failed=step.failed - step.errors.get(UNANSWERED, 0),
                errors={code: n for code, n in step.errors.items() if code != UNANSWERED},
            )
            for step in point.steps
        ),
    )


def _without_unanswered(counts: Counts) -> Counts:
    return msgspec.structs.replace(
        counts,
        failed=counts.failed - counts.errors.get(UNANSWERED, 0),
        errors={code: n for code, n in counts.errors.items() if code != UNANSWERED},
    )
