"""Users who wait for their answers."""

import asyncio

from tensorfleet.kinds.loadtest.arrivals import Closed
from tests.integration.kinds.loadtest.engine.points import limits, point_of, spec_of
from tests.integration.kinds.loadtest.servers import Asked, always, answer, serving, then_close


async def test_there_are_never_more_requests_under_way_than_users() -> None:
    under_way = most = 0

    async def script(_asked: Asked, writer: asyncio.StreamWriter) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        writer.write(answer())

    async with serving(script) as server:
        outcome = await point_of(spec_of(server.url), Closed(users=4, duration_seconds=0.5))
    assert most == 4
    assert outcome.counts.answered == outcome.counts.scheduled == len(server.asked) > 8


async def test_users_think_before_they_ask_again() -> None:
    async with serving(always(answer())) as server:
        closed = Closed(users=3, duration_seconds=0.5, think_seconds=60.0)
        outcome = await point_of(spec_of(server.url), closed)
    assert outcome.counts.answered == 3


async def test_users_go_on_after_failures() -> None:
    async with serving(then_close(b"garbage\r\n\r\n")) as server:
        outcome = await point_of(spec_of(server.url), Closed(users=2, duration_seconds=0.5))
    assert outcome.counts.errors.keys() == {"BAD_ANSWER"}
    assert outcome.counts.failed > 4


async def test_users_who_do_not_fit_are_turned_away_and_the_run_still_ends() -> None:
    async with serving(always(answer())) as server:
        spec = spec_of(server.url, limits=limits(in_flight=1))
        outcome = await point_of(spec, Closed(users=3, duration_seconds=0.5))
    assert outcome.counts.errors["OVERLOADED"] > 0
