"""A load test from its first point to its document."""

import asyncio
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tensorfleet.kinds.loadtest.arrivals import Closed, Constant, Poisson, Ramp, Spike, Staircase
from tensorfleet.kinds.loadtest.campaign.course import Course, CourseStopped
from tensorfleet.kinds.loadtest.campaign.objective import parse_thresholds
from tensorfleet.kinds.loadtest.campaign.quest import Quest, load_quest, rate_quest
from tensorfleet.kinds.loadtest.campaign.threshold import judge_thresholds
from tensorfleet.kinds.loadtest.listener import Listener, LoadOrder, LoadRunner, Watch
from tensorfleet.kinds.loadtest.record import (
    Bottleneck,
    Document,
    Point,
    Reason,
    Search,
    ThresholdResult,
    Watched,
)
from tensorfleet.kinds.loadtest.spec import Spec
from tensorfleet.shared.errors import InvalidInput, TensorFleetError

_Outcome = tuple[list[Reason], bool]
"""Notes, and whether the course came to its end."""


async def conduct(
    spec: Spec,
    runner: LoadRunner,
    watch: Watch | None,
    listener: Listener,
    *,
    config: dict[str, Any],
    stop: asyncio.Event | None = None,
) -> Document:
    """Runs a load test: every load with its arrivals, or a search and then its optimum again.

    An end before its time gives a complete document of what ran, marked as interrupted: set `stop`,
    or cancel the calling task once (a second time cancels it as usual), or stop the runner.

    Args:
        config: The spec as it was given, to be kept: with references to secrets.
        stop: Set by whoever wants the load test to end soon.

    Raises:
        InvalidInput: An objective or threshold is wrong; nothing was sent then.
        TensorFleetError: The first point could not run. When a later one cannot, the document has
            a note of it.
    """
    quest = _quest(spec)
    conditions = parse_thresholds(spec.thresholds)
    started_at = datetime.now(UTC) - timedelta(seconds=runner.clock())
    course = Course(runner=runner, listener=listener, stop=stop or asyncio.Event())
    running = asyncio.ensure_future(_run(spec, course, quest, watch))
    notes, is_complete = await _shielded(running, course.stop)
    points = tuple(course.points)
    search = None if quest is None else quest.search(course.points)
    thresholds = judge_thresholds(conditions, points, search)
    watched = () if watch is None else watch.watched()
    return Document(
        started_at=started_at.isoformat(),
        ended_at=datetime.now(UTC).isoformat(),
        tensorfleet=_installed_version(),
        config=config,
        points=points,
        search=search,
        watched=watched,
        bottleneck=_bottleneck(points, watched, _broken_objective(search, thresholds)),
        thresholds=thresholds,
        interrupted=not is_complete,
        notes=(*notes, *(() if quest is None else quest.notes)),
    )


def plain_orders(spec: Spec) -> list[LoadOrder]:
    """The points of a load test without a search.

    Raises:
        InvalidInput: It does not say when requests are to start.
    """
    arrivals = spec.arrivals
    if arrivals is None:
        raise InvalidInput(
            "the load test says neither when requests are to start (arrivals) nor what to search "
            "for (find_max_load, find_max_rps): give one of them"
        )
    rate = arrivals.rate if isinstance(arrivals, Constant | Poisson) else None
    how = _described(arrivals)
    return [
        LoadOrder(
            label=how if load is None else f"load {load}",
            arrivals=arrivals,
            load=load,
            rate=rate,
        )
        for load in spec.loads or (None,)
    ]


async def _run(spec: Spec, course: Course, quest: Quest | None, watch: Watch | None) -> _Outcome:
    if watch is not None:
        await watch.start()
    try:
        if quest is None:
            for order in plain_orders(spec):
                await course.rest(spec.hold.rest_seconds)
                await course.run(order)
        else:
            await quest.run(course)
            await quest.run_finals(course)
    except CourseStopped:
        return [], False
    except TensorFleetError as exc:
        if not course.points:
            raise
        return [Reason(code="RUN_FAILED", message=f"the load test ended early: {exc}")], False
    finally:
        if watch is not None:
            await watch.stop()
    return [], True


async def _shielded(running: asyncio.Future[_Outcome], stop: asyncio.Event) -> _Outcome:
    """Waits for it; a first cancellation sets `stop` and goes on to wait, a second one cancels."""
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        if running.done():
            raise
        stop.set()
        if (task := asyncio.current_task()) is not None:
            task.uncancel()
    try:
        return await asyncio.shield(running)
    finally:
        if not running.done():
            running.cancel()
            await asyncio.wait({running})


def _quest(spec: Spec) -> Quest | None:
    if spec.find_max_load is not None and spec.find_max_rps is not None:
        raise InvalidInput("find_max_load and find_max_rps are two load tests: give one of them")
    if spec.find_max_load is not None:
        return load_quest(spec.find_max_load, spec.hold)
    if spec.find_max_rps is not None:
        if len(spec.loads) > 1:
            raise InvalidInput("find_max_rps searches at one load parameter: give one in loads")
        return rate_quest(spec.find_max_rps, spec.hold, spec.loads[0] if spec.loads else None)
    plain_orders(spec)
    return None


def _bottleneck(
    points: tuple[Point, ...], watched: tuple[Watched, ...], broken: str | None
) -> Bottleneck | None:
    if not watched:
        return None
    from tensorfleet.kinds.loadtest.monitors.bottleneck import find_bottleneck

    found: Bottleneck = find_bottleneck(points, watched, broken)
    return found


def _broken_objective(search: Search | None, thresholds: tuple[ThresholdResult, ...]) -> str | None:
    """What the target did not keep, and where, for a sentence; None when it kept everything."""
    if search is not None and search.broken_at is not None:
        is_rate = search.parameter == "rate"
        where = f"{search.broken_at:g}/s" if is_rate else f"load {search.broken_at:g}"
        return f"{search.slo} at {where}"
    broken = next((result for result in thresholds if not result.passed and result.point), None)
    return None if broken is None else f"{broken.threshold} at {broken.point}"


def _described(arrivals: object) -> str:
    match arrivals:
        case Constant() | Poisson():
            return f"{arrivals.rate:g}/s"
        case Ramp():
            return f"{arrivals.from_rate:g} to {arrivals.to_rate:g}/s"
        case Staircase():
            last = arrivals.from_rate + arrivals.step_rate * (arrivals.steps - 1)
            return f"{arrivals.from_rate:g} to {last:g}/s in steps"
        case Spike():
            return f"{arrivals.base_rate:g}/s with a peak of {arrivals.peak_rate:g}/s"
        case Closed():
            return f"{arrivals.users} users"
        case _:
            return "replay"


def _installed_version() -> str:
    try:
        return version("tensorfleet")
    except PackageNotFoundError:
        return ""
