"""Whether a search finds the known capacity of a server."""

from pathlib import Path

import msgspec

from tensorfleet.kinds.loadtest.campaign.campaign import conduct
from tensorfleet.kinds.loadtest.crew.local import local_crew
from tensorfleet.kinds.loadtest.listener import LoadOrder
from tensorfleet.kinds.loadtest.record import Point, Second
from tensorfleet.kinds.loadtest.spec import FindMaxRps, Hold, Spec
from tests.bench.loadtest_parts import known_server

# None of the rates that a search comes by from its first one.
CAPACITY = 347.0


class _Quiet:
    """A listener that says nothing."""

    def point_started(self, order: LoadOrder) -> None:
        """See Listener."""

    def second(self, second: Second) -> None:
        """See Listener."""

    def point_ended(self, point: Point) -> None:
        """See Listener."""

    def note(self, text: str) -> None:
        """See Listener."""


async def found_rates(searches: int) -> list[float]:
    """The highest rates that so many searches found; 0 where one found none."""
    found = []
    for _ in range(searches):
        async with known_server("capacity", CAPACITY) as url:
            spec = Spec(
                target=url,
                find_max_rps=FindMaxRps(slo="p99<100ms,errors<0.1%"),
                hold=Hold(neighbours=0, rest_seconds=0.5, final_seconds=1.0),
            )
            async with local_crew(spec, Path.cwd()) as crew:
                config = msgspec.to_builtins(spec)
                document = await conduct(spec, crew, None, _Quiet(), config=config)
        search = document.search
        found.append(search.best if search and search.best else 0.0)
    return found
