"""One generator in the test's own loop, and what a point of it gave."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tensorfleet.kinds.loadtest.arrivals import Arrivals, Constant
from tensorfleet.kinds.loadtest.crew.merging import added, merged_second, total_counts
from tensorfleet.kinds.loadtest.engine.generator import Generator, Share
from tensorfleet.kinds.loadtest.engine.part import PointPart, SecondPart
from tensorfleet.kinds.loadtest.listener import LoadOrder
from tensorfleet.kinds.loadtest.record import Counts
from tensorfleet.kinds.loadtest.spec import Limits, Spec, Step

NOWHERE = Path("/nonexistent")
SHORT = Constant(rate=200.0, duration_seconds=0.1)
"""Twenty arrivals."""
_LEAD_NANOSECONDS = 5_000_000


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A point's figures."""

    part: PointPart
    seconds: list[SecondPart]
    counts: Counts


def spec_of(target: str, *steps: Step, **fields: object) -> Spec:
    """A spec with short time limits."""
    given: dict[str, object] = {
        "target": target,
        "steps": steps,
        "limits": Limits(timeout_seconds=5.0, connect_timeout_seconds=2.0),
    }
    return Spec(**(given | fields))  # type: ignore[arg-type]


@asynccontextmanager
async def generating(
    spec: Spec, folder: Path = NOWHERE, share: Share | None = None
) -> AsyncIterator[Generator]:
    """A generator that has reached its target."""
    generator = await Generator.open(spec, folder, share or Share())
    try:
        yield generator
    finally:
        await generator.close()


async def run_point(
    generator: Generator, arrivals: Arrivals = SHORT, load: int | None = None
) -> Outcome:
    """Runs a point. Every arrival of it has been answered or has failed, and was told once."""
    seconds: list[SecondPart] = []
    order = LoadOrder(label="point", arrivals=arrivals, load=load)
    start = Generator.clock() + _LEAD_NANOSECONDS
    part = await generator.run(order, start, seconds.append)
    counts = total_counts(merged_second([second]).counts for second in seconds)
    assert counts.scheduled == counts.answered + counts.failed
    assert [second.start for second in seconds] == list(range(len(seconds)))
    assert part.response == added(second.response for second in seconds)
    assert part.service == added(second.service for second in seconds)
    assert part.lateness.total + counts.errors.get("NOT_BEGUN", 0) == counts.scheduled
    return Outcome(part=part, seconds=seconds, counts=counts)


async def point_of(
    spec: Spec,
    arrivals: Arrivals = SHORT,
    *,
    folder: Path = NOWHERE,
    load: int | None = None,
) -> Outcome:
    """Opens a generator, runs one point with it and closes it."""
    async with generating(spec, folder) as generator:
        return await run_point(generator, arrivals, load)


def limits(**fields: object) -> Limits:
    """Limits with short times."""
    given = msgspec.structs.asdict(Limits(timeout_seconds=5.0, connect_timeout_seconds=2.0))
    return Limits(**(given | fields))
