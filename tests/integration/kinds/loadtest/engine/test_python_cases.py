"""A user's own case: what it does, what it raises, and how its requests are sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tensorfleet.kinds.loadtest.arrivals import Closed, Constant
from tensorfleet.kinds.loadtest.cases.case import CheckFailed, LoadCase, RequestFailed
from tensorfleet.kinds.loadtest.engine.case_driver import CaseDriver
from tensorfleet.kinds.loadtest.engine.generator import Generator, Share
from tensorfleet.kinds.loadtest.spec import Spec
from tensorfleet.shared.errors import InvalidInput, Unavailable
from tests.integration.kinds.loadtest.engine.points import NOWHERE, limits, run_point, spec_of
from tests.integration.kinds.loadtest.servers import always, answer, serving, silent


@asynccontextmanager
async def running(spec: Spec, case: type[LoadCase]) -> AsyncIterator[Generator]:
    driver = CaseDriver(spec, case, Path(), Generator.clock, share=1)
    try:
        await driver.open()
        yield Generator(spec, NOWHERE, Share(), driver)
    finally:
        await driver.close()


class Asks(LoadCase):
    """Asks twice, the second time for what the first said."""

    events: list[str] = []  # noqa: RUF012  what a test looks at

    async def start(self) -> None:
        self.events.append("start")

    async def run(self, load: int) -> float | None:
        first = await self.http.request("GET", "/first", headers={"X-Load": str(load)})
        second = await self.http.request("POST", f"/{first.body.decode()}", body=b"data")
        if second.status != 200:
            raise CheckFailed(f"status {second.status}")
        return 0.25

    async def stop(self) -> None:
        self.events.append("stop")


class Raises(LoadCase):
    """Fails in a different way each time."""

    count = 0

    async def run(self, load: int) -> float | None:
        del load
        type(self).count += 1
        match self.count % 5:
            case 0:
                raise CheckFailed("not what it must be")
            case 1:
                raise ZeroDivisionError("division by zero")
            case 2:
                return float("nan")
            case 3:
                raise asyncio.CancelledError
            case _:
                await self.http.request("GET", "no slash")
                return None


class Stubborn(LoadCase):
    """Takes its time to end when it is cancelled."""

    async def run(self, load: int) -> float | None:
        del load
        with suppress(RequestFailed, asyncio.CancelledError):
            await self.http.request("GET", "/")
        await asyncio.sleep(0.2)
        return None


class GivesUp(LoadCase):
    """Waits for its answers for a short time only."""

    async def run(self, load: int) -> float | None:
        del load
        async with asyncio.timeout(0.05):
            await self.http.request("GET", "/")
        return None


class DoesNotStart(LoadCase):
    """Cannot, and could not stop either."""

    async def start(self) -> None:
        clients: dict[str, asyncio.Event] = {}
        self.client = clients["no such key"]

    async def run(self, load: int) -> float | None:
        del load
        return None

    async def stop(self) -> None:
        self.client.set()


async def test_a_case_runs_once_an_arrival_over_the_generators_connections() -> None:
    Asks.events.clear()
    async with serving(always(answer(b"second"))) as server:
        spec = spec_of(f"{server.url}/base", limits=limits(connections=3))
        async with running(spec, Asks) as generator:
            outcome = await run_point(generator, load=9)
    assert outcome.counts.answered == outcome.counts.sent == 20
    assert outcome.counts.statuses == {"ok": 20}
    assert outcome.part.server.total == 20
    assert outcome.part.server.percentile(50) == pytest.approx(0.25, rel=0.001)
    assert sorted(set(server.paths)) == ["/base/first", "/base/second"]
    assert {a.body for a in server.asked if a.path == "/base/second"} == {b"data"}
    assert {a.headers["x-load"] for a in server.asked if a.path == "/base/first"} == {"9"}
    assert server.connection_count <= 3
    assert Asks.events == ["start", "stop"]


async def test_whatever_a_case_raises_is_a_failed_arrival() -> None:
    async with serving(always(answer())) as server, running(spec_of(server.url), Raises) as load:
        outcome = await run_point(load)
    assert outcome.counts.errors == {"CASE_RAISED": 16, "CHECK": 4}
    assert outcome.part.notes["CHECK"] == "not what it must be"


async def test_a_requests_own_failure_has_its_code() -> None:
    async with serving(always(b"garbage")) as server, running(spec_of(server.url), Asks) as load:
        outcome = await run_point(load)
    assert outcome.counts.errors == {"BAD_ANSWER": 20}


async def test_a_failed_check_of_a_case_counts_with_its_time() -> None:
    script = always(answer(b"x", "500 Oh"))
    async with serving(script) as server, running(spec_of(server.url), Asks) as generator:
        outcome = await run_point(generator)
    assert outcome.counts.errors == {"CHECK": 20}
    assert outcome.part.response.total == 20


@pytest.mark.parametrize("case", [Asks, Stubborn])
async def test_cases_that_are_open_at_the_end_are_counted_and_do_not_disturb_the_next_point(
    case: type[LoadCase],
) -> None:
    async with serving(silent) as server:
        spec = spec_of(server.url, limits=limits(timeout_seconds=60.0))
        async with running(spec, case) as generator:
            asyncio.get_running_loop().call_later(0.1, generator.stop)
            outcome = await run_point(generator, Constant(rate=100.0, duration_seconds=60.0))
            asyncio.get_running_loop().call_later(0.4, generator.stop)
            users = Closed(users=2, duration_seconds=60.0)
            again = await run_point(generator, users)
    assert outcome.counts.errors == {"UNANSWERED": outcome.counts.scheduled}
    assert again.counts.errors == {"UNANSWERED": 2}


async def test_requests_that_were_given_up_do_not_use_connections() -> None:
    async with serving(silent) as server:
        spec = spec_of(server.url, limits=limits(connections=1, timeout_seconds=0.3))
        async with running(spec, GivesUp) as generator:
            outcome = await run_point(generator, Constant(rate=5000.0, duration_seconds=0.5))
    assert outcome.counts.errors == {"CASE_RAISED": 2500}
    assert len(server.asked) < 100


async def test_a_case_that_does_not_start_is_told_by_what_it_raised() -> None:
    async with serving(always(answer())) as server:
        with pytest.raises(InvalidInput, match=r"does not start: KeyError: 'no such key'"):
            async with running(spec_of(server.url, case="own:Case"), DoesNotStart):
                pass


async def test_a_target_that_is_down_is_told_before_a_case_starts() -> None:
    async with serving(silent) as server:
        target = server.url
    with pytest.raises(Unavailable, match="nothing listens"):
        async with running(spec_of(target), Asks):
            pass
