"""What a busy fleet holds, and how quickly it tells, notices and stops.

Run by `make bench-fleet`. One embedded fleet with two real workers, and a hundred light ones that
speak the real protocol and hold ten jobs each. Those jobs last until the end of the benchmark:
everything else is measured beside them.
"""

import sys
from collections import defaultdict
from dataclasses import dataclass
from functools import partial

from tests.bench.bench_process import run_bench
from tests.bench.cancelled_jobs import cancel_seconds
from tests.bench.embedded_fleet import embedded_fleet
from tests.bench.event_delay import event_delays_ms
from tests.bench.figures import percentile, record
from tests.bench.held_jobs import core_share, light_workers
from tests.bench.lost_worker import reassign_seconds

SLOTS = 10

AIMS = {
    "workers_attached": "100",
    "jobs_running": "1,000",
    "attach_seconds": "< 60",
    "heartbeat_core_share": "< 0.2, the orchestrator's",
    "event_p50_ms": "≤ 20",
    "event_p99_ms": "≤ 100",
    "lost_worker_reassign_max_seconds": "≤ 16: the lease + 1",
    "cancel_p99_seconds": "≤ 1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much to do."""

    workers: int
    rounds: int
    heartbeat_seconds: float
    """In each round."""
    events: int
    """In each round."""
    lost_workers: int
    cancels: int


FULL = Sizes(workers=100, rounds=3, heartbeat_seconds=30.0, events=200, lost_workers=5, cancels=50)
QUICK = Sizes(workers=10, rounds=1, heartbeat_seconds=6.0, events=30, lost_workers=1, cancels=5)


async def bench(name: str, sizes: Sizes) -> None:
    """Measures and records."""
    figures: dict[str, list[float]] = defaultdict(list)
    async with (
        embedded_fleet(workers=2) as fleet,
        light_workers(fleet, sizes.workers, SLOTS) as light,
    ):
        figures["attach_seconds"].append(light.attached_seconds)
        await light.give(sizes.workers * SLOTS)
        orchestrator = fleet.on_disk.pid("orchestrator")
        for _ in range(sizes.rounds):
            share = await core_share(orchestrator, sizes.heartbeat_seconds)
            figures["heartbeat_core_share"].append(share)
            delays_ms = await event_delays_ms(fleet, sizes.events)
            figures["event_p50_ms"].append(percentile(delays_ms, 0.5))
            figures["event_p99_ms"].append(percentile(delays_ms, 0.99))
        cancels = await cancel_seconds(fleet, sizes.cancels)
        figures["cancel_p50_seconds"].append(percentile(cancels, 0.5))
        figures["cancel_p99_seconds"].append(percentile(cancels, 0.99))
        losses = await reassign_seconds(fleet, sizes.lost_workers)
        figures["lost_worker_reassign_seconds"] = losses
        figures["lost_worker_reassign_max_seconds"].append(max(losses))
        # Counted at the end: they were held all the time.
        figures["workers_attached"].append(await light.attached_count())
        figures["jobs_running"].append(await light.running_count())
        await light.finish()
    record(name, figures, AIMS)


def main() -> None:
    """`--quick` only shows that everything works; its figures are not to be quoted."""
    if sys.argv[1:] == ["--quick"]:
        run_bench(partial(bench, "fleet-quick", QUICK))
    else:
        run_bench(partial(bench, "fleet", FULL))


if __name__ == "__main__":
    main()
