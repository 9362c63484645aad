"""The highest honest rate of our generator against nginx, beside wrk's and Locust's."""

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tensorfleet.kinds.loadtest.arrivals import Closed, Constant
from tests.bench.loadtest_generator import Outcome
from tests.bench.loadtest_parts import PinnedGenerator, generator, needed, nginx, output_of
from tests.bench.peer_environment import peer_environment

CONNECTIONS = 64
# Of what a closed loop reaches, how much an open loop may keep up with.
SHARES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.6, 0.5, 0.4, 0.3)
TRIES = 2
ANSWERED_SHARE = 0.99
LOCUST = Path(__file__).with_name("peers") / "locust_peer.py"
LOCUST_REQUIREMENT = "locust==2.47.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """All three, one after another."""

    ours: float
    closed: float
    """Ours without intended times."""
    wrk: float
    locust: float
    lateness_p99_ms: float
    """At half of our highest honest rate."""


async def turns(count: int, seconds: float) -> list[Turn]:
    """Measures in rotation."""
    programs = await peer_environment("locust", LOCUST_REQUIREMENT)
    found = []
    async with nginx() as url, generator(url, CONNECTIONS) as ours:
        for _ in range(count):
            closed = await ours.run(Closed(users=CONNECTIONS, duration_seconds=seconds))
            best = await _highest_honest(ours, closed.answered_per_second, seconds)
            half = await ours.run(Constant(rate=best / 2, duration_seconds=seconds))
            found.append(
                Turn(
                    ours=best,
                    closed=closed.answered_per_second,
                    wrk=await _wrk(url, seconds),
                    locust=await _locust(programs, url, seconds),
                    lateness_p99_ms=half.lateness_p99 * 1000,
                )
            )
    return found


async def _highest_honest(ours: PinnedGenerator, most: float, seconds: float) -> float:
    for share in SHARES:
        rate = most * share
        # A virtual machine may stand still for some milliseconds in one run, and not in the next.
        for _ in range(TRIES):
            outcome = await ours.run(Constant(rate=rate, duration_seconds=seconds))
            if _is_honest(outcome, rate):
                return outcome.answered_per_second
    return 0.0


def _is_honest(outcome: Outcome, rate: float) -> bool:
    """Whether the generator itself calls the run valid, and the answers kept up."""
    return not outcome.reasons and outcome.answered_per_second >= ANSWERED_SHARE * rate


async def _wrk(url: str, seconds: float) -> float:
    command = (needed("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", url)
    found = re.search(r"Requests/sec:\s+([0-9.]+)", await output_of(*command))
    assert found is not None
    return float(found[1])


class _LocustRequest(msgspec.Struct):
    num_requests: int
    start_time: float
    last_request_timestamp: float


async def _locust(programs: Path, url: str, seconds: float) -> float:
    out = await output_of(
        *(programs / "locust", "-f", LOCUST, "--headless", "--host", url, "--json"),
        *("-u", "64", "-r", "64", "-t", f"{seconds + 1:g}s", "--skip-log"),
    )
    (request,) = msgspec.json.decode(out[out.index("[") :], type=list[_LocustRequest])
    return request.num_requests / (request.last_request_timestamp - request.start_time)
