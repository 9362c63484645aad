"""What makes the loop open: arrivals keep their times whatever the target does, and waiting counts.

Times are compared loosely, and only with what must hold on a machine of any speed.
"""

import asyncio

import pytest

from tensorfleet.kinds.loadtest.arrivals import Constant, Poisson, Ramp, Spike, Staircase
from tensorfleet.kinds.loadtest.engine.generator import Generator
from tensorfleet.kinds.loadtest.engine.part import SecondPart
from tensorfleet.kinds.loadtest.histogram import Histogram
from tensorfleet.kinds.loadtest.listener import LoadOrder
from tensorfleet.kinds.loadtest.spec import Step
from tests.integration.kinds.loadtest.engine.points import (
    generating,
    limits,
    point_of,
    run_point,
    spec_of,
)
from tests.integration.kinds.loadtest.servers import Asked, Script, always, answer, serving, silent

STALL_SECONDS = 0.4
HALF_A_SECOND = Constant(rate=200.0, duration_seconds=0.5)


def stalling(at: int) -> Script:
    """Stops for a while at its request of this number, as a collector of garbage does."""
    gate = asyncio.Event()
    count = 0

    async def script(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        if count == at:
            await asyncio.sleep(STALL_SECONDS)
            gate.set()
        elif count > at:
            await gate.wait()
        writer.write(answer())

    return script


def share_over(histogram: Histogram, seconds: float) -> float:
    """Of all values."""
    middles, counts = histogram.bars()
    return float(counts[middles > seconds].sum()) / histogram.total


async def test_a_stall_is_in_the_response_times_of_all_who_came_during_it() -> None:
    """One connection, and a stall from the tenth arrival on: those of the next 0.4 s waited for
    0.4 s, 0.395 s, and so on to nothing, though only one request was slow."""
    async with serving(stalling(at=10)) as server:
        spec = spec_of(server.url, limits=limits(connections=1))
        outcome = await point_of(spec, HALF_A_SECOND)
    assert outcome.counts.answered == 100
    response, service = outcome.part.response, outcome.part.service
    # 80 of 100 came during the stall; half of them waited for over half of it.
    assert share_over(response, STALL_SECONDS / 2) >= 0.39
    assert share_over(response, 0.75 * STALL_SECONDS) >= 0.19
    assert share_over(service, STALL_SECONDS / 2) <= 0.05, "the service time alone hides it"
    assert outcome.counts.held >= 75


async def test_a_known_delay_is_in_the_percentiles() -> None:
    """Every tenth answer takes 0.2 s, the others 0.05 s."""
    count = 0

    async def script(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        await asyncio.sleep(0.05 if count % 10 else 0.2)
        writer.write(answer())

    async with serving(script) as server:
        outcome = await point_of(spec_of(server.url), HALF_A_SECOND)
    least, middle, slow = (outcome.part.service.percentile(p) or 0 for p in (0, 50, 91))
    assert 0.049 <= least <= middle < 0.2
    assert slow >= 0.199


async def test_with_no_connection_free_an_arrival_waits_and_its_wait_counts() -> None:
    async def slow(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.write(answer())

    async with serving(slow) as server:
        spec = spec_of(server.url, limits=limits(connections=2))
        outcome = await point_of(spec)
    assert server.connection_count == 2
    assert outcome.counts.answered == 20
    assert outcome.counts.held >= 15
    # Ten pairs one after another.
    assert (outcome.part.response.maximum or 0) >= 0.35
    assert outcome.counts.late + outcome.counts.held <= 40


async def test_over_the_limit_of_those_under_way_arrivals_fail_and_none_is_skipped() -> None:
    async with serving(silent) as server:
        spec = spec_of(server.url, limits=limits(in_flight=5, timeout_seconds=0.5))
        outcome = await point_of(spec)
    assert outcome.counts.errors == {"OVERLOADED": 15, "TIMEOUT": 5}
    assert outcome.counts.scheduled == 20
    assert outcome.counts.sent == 5
    assert outcome.part.response.total == 5, "to be turned away at once is no quick answer"


@pytest.mark.parametrize(
    ("arrivals", "count"),
    [
        (Constant(rate=100.0, duration_seconds=0.3), 30),
        (Ramp(from_rate=0.0, to_rate=400.0, duration_seconds=0.3), 60),
        (Staircase(from_rate=100.0, step_rate=100.0, steps=3, step_seconds=0.1), 60),
        (
            Spike(
                base_rate=50.0,
                peak_rate=500.0,
                before_seconds=0.1,
                peak_seconds=0.1,
                after_seconds=0.1,
            ),
            60,
        ),
    ],
)
async def test_every_shape_sends_what_it_says(arrivals: Constant, count: int) -> None:
    async with serving(always(answer())) as server:
        outcome = await point_of(spec_of(server.url), arrivals)
    assert outcome.counts.answered == len(server.asked) == count


async def test_seconds_count_arrivals_by_their_intended_time() -> None:
    async with serving(always(answer())) as server:
        arrivals = Constant(rate=40.0, duration_seconds=1.5)
        outcome = await point_of(spec_of(server.url), arrivals)
    assert [second.scheduled for second in outcome.seconds[:2]] == [40, 20]
    assert sum(second.answered for second in outcome.seconds) == 60


async def test_a_stop_ends_the_point_with_complete_counts() -> None:
    async with serving(always(answer())) as server, generating(spec_of(server.url)) as generator:
        asyncio.get_running_loop().call_later(0.1, generator.stop)
        outcome = await run_point(generator, Poisson(rate=100.0, duration_seconds=3600.0))
        again = await run_point(generator)
    assert 0 < outcome.counts.scheduled < 1000
    assert outcome.counts.errors.keys() <= {"NOT_BEGUN"}, "if the machine stood still"
    assert len(outcome.seconds) < 20, "seconds that did not come are not told"
    assert again.counts.answered == 20


async def test_a_stop_of_a_slow_course_tells_no_seconds_to_come() -> None:
    async with serving(always(answer())) as server, generating(spec_of(server.url)) as generator:
        asyncio.get_running_loop().call_later(0.05, generator.stop)
        outcome = await run_point(generator, Constant(rate=1.0, duration_seconds=4000.0))
    assert outcome.counts.scheduled == 1
    assert len(outcome.seconds) == 1


async def test_a_stop_that_comes_before_the_first_arrival_is_not_missed() -> None:
    async with serving(always(answer())) as server, generating(spec_of(server.url)) as generator:
        arrivals = Constant(rate=100.0, duration_seconds=3600.0)
        order = LoadOrder(label="point", arrivals=arrivals)
        told: list[SecondPart] = []
        running = generator.run(order, Generator.clock() + 10_000_000, told.append)
        generator.stop()
        part = await running
    assert told == []
    assert server.asked == []
    assert part.end >= part.start


async def test_what_was_not_answered_when_a_stopped_point_ends_is_counted() -> None:
    async with serving(silent) as server:
        spec = spec_of(server.url, Step(), limits=limits(timeout_seconds=60.0, connections=3))
        async with generating(spec) as generator:
            asyncio.get_running_loop().call_later(0.1, generator.stop)
            outcome = await run_point(generator, Constant(rate=100.0, duration_seconds=3600.0))
    assert outcome.counts.errors == {"UNANSWERED": outcome.counts.scheduled}
    assert outcome.counts.sent == 3


async def test_a_generator_that_is_behind_tells_what_it_has_not_begun() -> None:
    async with serving(always(answer())) as server, generating(spec_of(server.url)) as generator:
        loop = asyncio.get_running_loop()
        blocked_from = Generator.clock()

        def block_and_stop() -> None:
            while Generator.clock() - blocked_from < 300_000_000:
                pass
            generator.stop()

        loop.call_later(0.05, block_and_stop)
        outcome = await run_point(generator, Constant(rate=20_000.0, duration_seconds=3600.0))
    assert outcome.counts.errors["NOT_BEGUN"] > 1000
