"""The course of load tests against simulated targets whose limits are known."""

import asyncio
from itertools import count
from typing import Any

import numpy as np
import pytest

from tensorfleet.kinds.loadtest.arrivals import Closed, Constant, Ramp
from tensorfleet.kinds.loadtest.campaign.campaign import conduct, plain_orders
from tensorfleet.kinds.loadtest.record import Document, Watched
from tensorfleet.kinds.loadtest.spec import FindMaxLoad, FindMaxRps, Hold, Spec
from tensorfleet.shared.errors import InvalidInput, Unavailable
from tests.deadlines import eventually
from tests.fakes.simulated_target import Heard, SimulatedRunner, SimulatedTarget

URL = "http://127.0.0.1:1"
QUICK = Hold(rest_seconds=0, final_seconds=3)
CAPACITY = 400.0


def runner_of(service_seconds: Any = None, **more: Any) -> SimulatedRunner:
    target = SimulatedTarget(
        random=np.random.default_rng(1),
        service_seconds=service_seconds or (lambda _: 1 / CAPACITY),
        fails_from=more.pop("fails_from", float("inf")),
    )
    return SimulatedRunner(target=target, **more)


async def conducted(spec: Spec, runner: SimulatedRunner, heard: Heard | None = None) -> Document:
    return await conduct(spec, runner, None, heard or Heard(), config={"target": URL})


async def test_every_load_runs_once_with_its_arrivals() -> None:
    spec = Spec(
        target=URL,
        loads=(3, 5),
        arrivals=Constant(rate=50, duration_seconds=2),
        thresholds=("p99<1s", "rate>100"),
        hold=QUICK,
    )
    runner, heard = runner_of(), Heard()
    document = await conducted(spec, runner, heard)
    assert [(point.label, point.load, point.phase) for point in document.points] == [
        ("load 3", 3, "run"),
        ("load 5", 5, "run"),
    ]
    assert [point.counts.scheduled for point in document.points] == [100, 100]
    assert [result.passed for result in document.thresholds] == [True, True, False, False]
    assert heard.ended == list(document.points)
    assert (document.interrupted, document.search, document.bottleneck) == (False, None, None)
    assert document.config == {"target": URL}
    assert document.tensorfleet
    assert document.started_at < document.ended_at


async def test_highest_rate_is_found_and_runs_again_with_its_neighbours() -> None:
    spec = Spec(target=URL, find_max_rps=FindMaxRps(), hold=QUICK, thresholds=("best>350",))
    heard = Heard()
    document = await conducted(spec, runner_of(), heard)
    search = document.search
    assert search is not None
    assert search.best is not None
    assert search.best == pytest.approx(CAPACITY, rel=0.02)
    assert (search.limited_by, search.parameter) == ("target", "rate")
    assert search.broken_at is not None
    assert search.best < search.broken_at <= search.best * 1.02
    assert search.achieved_rate == pytest.approx(search.best, rel=0.02)
    finals = [point.rate for point in document.points if point.phase == "final"]
    assert finals == pytest.approx([search.best * share for share in (1, 0.9, 0.8, 0.7)], rel=0.001)
    assert f"{search.best:g}/s kept p99<200ms,errors<0.1%" in search.message
    assert [result.passed for result in document.thresholds] == [True]
    assert heard.ended == list(document.points)
    assert not any(point.interrupted for point in document.points)


async def test_searched_points_last_as_long_as_they_were_held() -> None:
    spec = Spec(target=URL, find_max_rps=FindMaxRps(), hold=QUICK)
    document = await conducted(spec, runner_of())
    first = document.points[0]
    assert isinstance(first.arrivals, Constant)
    assert first.arrivals.duration_seconds == pytest.approx(3.0)
    assert len(first.seconds) == 3


async def test_what_is_on_its_way_when_a_stable_point_is_stopped_is_no_failure() -> None:
    # At 3.5/s the eleventh arrival is at 2.86 s, and is answered after the third second.
    spec = Spec(
        target=URL,
        find_max_load=FindMaxLoad(max_response_seconds=1, rate=3.5, most=3),
        hold=Hold(rest_seconds=0, neighbours=0, final_seconds=1),
    )
    document = await conducted(spec, runner_of(lambda _: 0.2))
    assert document.search is not None
    assert document.search.best == 3
    searched = [point for point in document.points if point.phase == "search"]
    assert any(
        point.counts.answered < point.counts.scheduled and not point.counts.failed
        for point in searched
    )


async def test_small_overload_is_found_by_its_queue() -> None:
    # The bound alone would allow 415/s, where a queue grows by a second in half a minute.
    spec = Spec(
        target=URL,
        find_max_rps=FindMaxRps(slo="p99<5s", start=415, most=415),
        hold=Hold(rest_seconds=0, neighbours=0, final_seconds=1),
    )
    document = await conducted(spec, runner_of())
    assert document.search is not None
    assert document.search.best == pytest.approx(CAPACITY, rel=0.02)
    assert document.search.broken_at is not None
    assert document.search.broken_at < 415
    assert "queue grew" in document.search.message


async def test_largest_load_is_found_exactly_and_never_far_exceeded() -> None:
    def work(load: int | None) -> float:
        return 1e-6 * 1.618 ** (load or 0)

    limit = max(load for load in range(40) if work(load) + 0.0002 < 0.2)
    spec = Spec(target=URL, find_max_load=FindMaxLoad(max_response_seconds=0.2, rate=5), hold=QUICK)
    runner = runner_of(work)
    document = await conducted(spec, runner)
    assert document.search is not None
    assert (document.search.best, document.search.broken_at) == (limit, limit + 1)
    finals = [point.load for point in document.points if point.phase == "final"]
    assert finals == [limit, limit - 1, limit - 2, limit - 3]
    # Doubling would have come to load 32 and 5 seconds of work a request.
    assert max(work(order.load) for order in runner.orders) < 2.0
    assert "FEW_ANSWERS" in [note.code for note in document.notes]


async def test_target_that_refuses_quickly_does_not_keep_a_response_time() -> None:
    spec = Spec(target=URL, find_max_rps=FindMaxRps(slo="p99<1s"), hold=QUICK)
    document = await conducted(spec, runner_of(fails_from=100))
    assert document.search is not None
    assert document.search.best is not None
    assert 98 <= document.search.best < 100
    assert "errors was 100.00%" in document.search.message


async def test_generators_limit_is_told_and_is_not_the_targets() -> None:
    spec = Spec(target=URL, find_max_rps=FindMaxRps(), hold=QUICK)
    document = await conducted(spec, runner_of(generator_limit=100))
    assert document.search is not None
    assert document.search.limited_by == "generator"
    assert document.search.broken_at is None
    assert document.search.best == pytest.approx(100, rel=0.03)
    assert "the generator was the limit" in document.search.message


async def test_late_generator_does_not_hide_that_the_objective_was_kept() -> None:
    # Its lateness is in the response times: a target that keeps them all the same does keep them.
    spec = Spec(target=URL, find_max_rps=FindMaxRps(), hold=QUICK)
    document = await conducted(spec, runner_of(late_above=50))
    assert document.search is not None
    assert document.search.best == pytest.approx(CAPACITY, rel=0.02)
    # Beyond that, nobody knows whose fault it was.
    assert (document.search.limited_by, document.search.broken_at) == ("generator", None)


async def test_range_and_hopeless_target_are_told() -> None:
    most = Spec(target=URL, find_max_rps=FindMaxRps(most=100), hold=QUICK)
    document = await conducted(most, runner_of())
    assert document.search is not None
    assert (document.search.best, document.search.limited_by) == (100, "range")
    assert "the limit is higher" in document.search.message
    never = Spec(target=URL, find_max_rps=FindMaxRps(slo="p99<0.1ms"), hold=QUICK)
    document = await conducted(never, runner_of())
    assert document.search is not None
    assert document.search.best is None
    assert "not even" in document.search.message
    assert all(point.phase == "search" for point in document.points)


async def test_optimum_that_fails_its_final_run_is_noted() -> None:
    points = count()

    def work(_: int | None) -> float:
        # From the second point on, which is the first final one, the target is slow.
        return 1 / CAPACITY if next(points) < 1 else 1.0

    spec = Spec(target=URL, find_max_rps=FindMaxRps(start=100, most=100), hold=QUICK)
    assert not (await conducted(spec, runner_of())).notes
    document = await conducted(spec, runner_of(work))
    assert [note.code for note in document.notes] == ["OPTIMUM_NOT_CONFIRMED"]


async def test_stop_gives_a_complete_document_of_what_ran() -> None:
    stop = asyncio.Event()
    spec = Spec(target=URL, find_max_rps=FindMaxRps(), hold=QUICK, thresholds=("p99<1s",))
    runner = runner_of()
    runner.on_second = lambda: stop.set() if runner.seconds_passed > 10 else None
    document = await conduct(spec, runner, None, Heard(), config={}, stop=stop)
    assert document.interrupted
    assert document.points[-1].interrupted
    assert not any(point.interrupted for point in document.points[:-1])
    assert document.search is not None
    assert document.search.message.startswith("So far")
    assert [result.passed for result in document.thresholds] == [False]


async def test_runner_that_was_stopped_from_outside_ends_the_load_test() -> None:
    spec = Spec(
        target=URL, loads=(1, 2), arrivals=Constant(rate=10, duration_seconds=9), hold=QUICK
    )
    runner = runner_of()
    runner.on_second = runner.stop
    document = await conducted(spec, runner)
    assert document.interrupted
    assert [point.interrupted for point in document.points] == [True]


async def test_stop_during_the_rest_runs_nothing_more() -> None:
    stop = asyncio.Event()
    spec = Spec(
        target=URL,
        loads=(1, 2),
        arrivals=Constant(rate=10, duration_seconds=1),
        hold=Hold(rest_seconds=1000),
    )
    heard = Heard()
    running = asyncio.ensure_future(conduct(spec, runner_of(), None, heard, config={}, stop=stop))
    await eventually(lambda: bool(heard.ended))
    stop.set()
    document = await running
    assert document.interrupted
    assert len(document.points) == 1
    assert not document.points[0].interrupted


async def test_first_cancellation_gives_the_document_and_the_second_cancels() -> None:
    spec = Spec(target=URL, arrivals=Constant(rate=10, duration_seconds=1e5), hold=QUICK)
    heard = Heard()
    running = asyncio.ensure_future(conduct(spec, runner_of(), None, heard, config={}))
    await eventually(lambda: bool(heard.seconds))
    running.cancel()
    document = await running
    assert document.interrupted
    assert document.points[0].interrupted

    heard = Heard()
    running = asyncio.ensure_future(conduct(spec, runner_of(), None, heard, config={}))
    await eventually(lambda: bool(heard.seconds))
    running.cancel()
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_runner_that_fails_later_leaves_what_ran() -> None:
    spec = Spec(
        target=URL, loads=(1, 2), arrivals=Constant(rate=10, duration_seconds=1), hold=QUICK
    )
    document = await conducted(spec, runner_of(fails_at_point=1))
    assert (len(document.points), document.interrupted) == (1, True)
    assert [note.code for note in document.notes] == ["RUN_FAILED"]
    with pytest.raises(Unavailable):
        await conducted(spec, runner_of(fails_at_point=0))


class WatchOfNothing:
    def __init__(self) -> None:
        self.calls: list[str] = []

    async def start(self) -> None:
        self.calls.append("start")

    async def stop(self) -> None:
        self.calls.append("stop")

    def watched(self) -> tuple[Watched, ...]:
        self.calls.append("watched")
        return ()


@pytest.mark.parametrize("fails_at_point", [-1, 0])
async def test_machines_are_watched_from_the_start_to_the_end(fails_at_point: int) -> None:
    watch = WatchOfNothing()
    spec = Spec(target=URL, arrivals=Constant(rate=10, duration_seconds=1), hold=QUICK)
    runner = runner_of(fails_at_point=fails_at_point)
    if fails_at_point == 0:
        with pytest.raises(Unavailable):
            await conduct(spec, runner, watch, Heard(), config={})
        assert watch.calls == ["start", "stop"]
    else:
        await conduct(spec, runner, watch, Heard(), config={})
        assert watch.calls == ["start", "stop", "watched"]


@pytest.mark.parametrize(
    "spec",
    [
        Spec(target=URL),
        Spec(target=URL, find_max_rps=FindMaxRps(slo="p99>1s")),
        Spec(target=URL, find_max_rps=FindMaxRps(), loads=(1, 2)),
        Spec(target=URL, find_max_load=FindMaxLoad(max_response_seconds=-1)),
        Spec(
            target=URL,
            find_max_load=FindMaxLoad(max_response_seconds=1),
            find_max_rps=FindMaxRps(),
        ),
        Spec(
            target=URL,
            arrivals=Constant(rate=1, duration_seconds=1),
            thresholds=("p99<200",),
        ),
    ],
)
async def test_nothing_is_sent_when_the_spec_is_wrong(spec: Spec) -> None:
    runner = runner_of()
    with pytest.raises(InvalidInput):
        await conducted(spec, runner)
    assert not runner.orders


def test_labels_say_what_the_arrivals_are() -> None:
    def label(arrivals: Any) -> str:
        return plain_orders(Spec(target=URL, arrivals=arrivals))[0].label

    assert label(Constant(rate=500, duration_seconds=1)) == "500/s"
    assert label(Ramp(from_rate=1, to_rate=9.5, duration_seconds=1)) == "1 to 9.5/s"
    assert label(Closed(users=4, duration_seconds=1)) == "4 users"
