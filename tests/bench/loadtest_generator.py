"""One generator in a process of its own, on one core, for the benchmark of load tests.

Run as `python -m tests.bench.loadtest_generator URL PATH CONNECTIONS CORE`, with points as JSON on
the standard input; prints a JSON object for each point.
"""

import asyncio
import os
import sys
from pathlib import Path

import msgspec
import psutil
import uvloop

from tensorfleet.kinds.loadtest.arrivals import Arrivals
from tensorfleet.kinds.loadtest.crew.merging import merged_second, total_counts
from tensorfleet.kinds.loadtest.crew.validity import why_invalid
from tensorfleet.kinds.loadtest.engine.generator import Generator, Share
from tensorfleet.kinds.loadtest.engine.part import SecondPart
from tensorfleet.kinds.loadtest.engine.schedule import duration_seconds
from tensorfleet.kinds.loadtest.listener import LoadOrder
from tensorfleet.kinds.loadtest.spec import Limits, Spec, Step

LEAD_NANOSECONDS = 300_000_000
HERE = Path(__file__).parent


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one point gave. Times in seconds."""

    answered_per_second: float
    scheduled: int
    answered: int
    failed: int
    reasons: list[str]
    """Codes for which it is invalid."""
    lateness_p99: float
    response: dict[str, float]
    """Percentiles by name, such as "99.9"."""
    service: dict[str, float]
    resident_bytes: list[int]
    """Of the process, after each second."""


PERCENTS = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 100.0)


async def serve(url: str, path: str, connections: int) -> None:
    """Runs the points that the standard input names."""
    limits = Limits(connections=connections, timeout_seconds=60.0)
    spec = Spec(target=url, steps=(Step(path=path),), limits=limits)
    generator = await Generator.open(spec, HERE, Share())
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
        arrivals = msgspec.json.decode(line, type=Arrivals)
        outcome = await run(generator, arrivals)
        sys.stdout.buffer.write(msgspec.json.encode(outcome) + b"\n")
        sys.stdout.flush()
    await generator.close()


async def run(generator: Generator, arrivals: Arrivals) -> Outcome:
    """One point."""
    seconds: list[SecondPart] = []
    resident: list[int] = []
    process = psutil.Process()

    def tell(part: SecondPart) -> None:
        # Kept small, as what is measured is the generator's memory.
        part.response = part.service = b""
        seconds.append(part)
        resident.append(process.memory_info().rss)

    order = LoadOrder(label="bench", arrivals=arrivals)
    part = await generator.run(order, generator.clock() + LEAD_NANOSECONDS, tell)
    counts = total_counts(merged_second([second]).counts for second in seconds)
    planned = duration_seconds(arrivals, HERE)
    reasons = why_invalid(counts, part.response, part.lateness, planned)
    elapsed = max(planned, (part.end - part.start) / 1e9)
    return Outcome(
        answered_per_second=counts.answered / elapsed,
        scheduled=counts.scheduled,
        answered=counts.answered,
        failed=counts.failed,
        reasons=[reason.code for reason in reasons],
        lateness_p99=part.lateness.percentile(99.0) or 0.0,
        response=_percentiles(part.response.percentiles(PERCENTS)),
        service=_percentiles(part.service.percentiles(PERCENTS)),
        resident_bytes=resident,
    )


def _percentiles(values: list[float | None]) -> dict[str, float]:
    return {f"{p:g}": v for p, v in zip(PERCENTS, values, strict=True) if v is not None}


def main() -> None:
    """Reads the command line."""
    url, path, connections, core = sys.argv[1:5]
    os.sched_setaffinity(0, {int(core)})
    uvloop.run(serve(url, path, int(connections)))


if __name__ == "__main__":
    main()
