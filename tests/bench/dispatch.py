"""How fast tasks reach workers and results their client: many at once, alone, and beside Dramatiq.

Run by `make bench-dispatch`. One embedded fleet with two workers, as `tensorfleet up` starts it:
every state change is a journalled write to MongoDB. The client talks gRPC to the orchestrator. In
each round Dramatiq runs on the same Valkey (another database of it), with its results known to its
client too; it keeps nothing durable beyond that. The fleet stays up meanwhile, idle.
"""

import sys
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import partial

from tests.bench.bench_process import run_bench
from tests.bench.claim_cost import claim_costs
from tests.bench.dispatch_rounds import Dispatch
from tests.bench.dramatiq_rounds import Dramatiq, Round
from tests.bench.embedded_fleet import embedded_fleet
from tests.bench.figures import percentile, record

WORKERS = 2
FEW_QUEUED = 1_000

AIMS = {
    "tasks_per_second": "one job of many tasks",
    "ratio_to_dramatiq": "≥ 4",
    "single_task_jobs_per_second": "≥ 2,500",
    "followed_jobs_per_second": "one stream a job",
    "latency_p50_ms": "≤ 3.5",
    "latency_p99_ms": "≤ 8",
    "jobs_per_second": "≥ 30",
    "job_latency_p50_ms": "≤ 50",
    "claim_cost_ratio_1m_to_1k": "≤ 1.5",
    "claim_round_trip_ratio_1m_to_1k": "≤ 1.5",
}

Figures = dict[str, list[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much to do in each round."""

    rounds: int
    tasks: int
    """Of the one job."""
    jobs: int
    """Of one task each."""
    singles: int
    """Tasks that run alone."""
    python_jobs: int
    """Jobs with a process each."""
    queued: int
    """Tasks in the long queue."""


FULL = Sizes(rounds=5, tasks=5_000, jobs=5_000, singles=300, python_jobs=100, queued=1_000_000)
QUICK = Sizes(rounds=2, tasks=500, jobs=40, singles=20, python_jobs=10, queued=50_000)


async def bench(name: str, sizes: Sizes) -> None:
    """Measures and records."""
    figures: Figures = defaultdict(list)
    async with embedded_fleet(workers=WORKERS) as fleet:
        dramatiq = await Dramatiq.install(f"{fleet.redis_url}/1")
        dispatch = await Dispatch.prepare(fleet)
        for number in range(sizes.rounds):
            # Who comes first changes from round to round.
            if number % 2:
                peer = await dramatiq.measure(sizes.tasks, sizes.singles)
                await measure_ours(dispatch, sizes, figures)
            else:
                await measure_ours(dispatch, sizes, figures)
                peer = await dramatiq.measure(sizes.tasks, sizes.singles)
            add_peer(peer, figures)
    for costs in await claim_costs((FEW_QUEUED, sizes.queued), sizes.rounds):
        few, many = costs[FEW_QUEUED], costs[sizes.queued]
        figures["claim_server_1k_us"].append(few.server_us)
        figures["claim_server_1m_us"].append(many.server_us)
        figures["claim_cost_ratio_1m_to_1k"].append(many.server_us / few.server_us)
        figures["claim_round_trip_1k_us"].append(few.round_trip_us)
        figures["claim_round_trip_1m_us"].append(many.round_trip_us)
        figures["claim_round_trip_ratio_1m_to_1k"].append(many.round_trip_us / few.round_trip_us)
    record(name, figures, AIMS)


async def measure_ours(dispatch: Dispatch, sizes: Sizes, figures: Figures) -> None:
    """Our part of a round."""
    figures["tasks_per_second"].append(await dispatch.tasks_per_second(sizes.tasks))
    figures["single_task_jobs_per_second"].append(await dispatch.jobs_per_second(sizes.jobs))
    figures["followed_jobs_per_second"].append(await dispatch.followed_jobs_per_second(sizes.jobs))
    latencies_ms = await dispatch.single_latencies_ms(sizes.singles)
    figures["latency_p50_ms"].append(percentile(latencies_ms, 0.5))
    figures["latency_p99_ms"].append(percentile(latencies_ms, 0.99))
    figures["jobs_per_second"].append(await dispatch.python_jobs_per_second(sizes.python_jobs))
    job_latencies_ms = await dispatch.python_job_latencies_ms(sizes.python_jobs)
    figures["job_latency_p50_ms"].append(percentile(job_latencies_ms, 0.5))


def add_peer(peer: Round, figures: Figures) -> None:
    """Dramatiq's part of a round, and the ratio to its better way of returning results."""
    figures["dramatiq_tasks_per_second"].append(peer.best.tasks_per_second)
    figures["dramatiq_backend_tasks_per_second"].append(peer.backend.tasks_per_second)
    figures["dramatiq_list_tasks_per_second"].append(peer.list.tasks_per_second)
    best_ms = min(peer.backend, peer.list, key=lambda way: percentile(way.latencies_ms, 0.5))
    figures["dramatiq_latency_p50_ms"].append(percentile(best_ms.latencies_ms, 0.5))
    figures["dramatiq_latency_p99_ms"].append(percentile(best_ms.latencies_ms, 0.99))
    for ratio, rate in (
        ("ratio_to_dramatiq", "tasks_per_second"),
        ("single_task_jobs_ratio_to_dramatiq", "single_task_jobs_per_second"),
    ):
        figures[ratio].append(figures[rate][-1] / peer.best.tasks_per_second)


def main() -> None:
    """`--quick` only shows that everything works; its figures are not to be quoted.

    `--rounds N` measures in full, but so many times.
    """
    match sys.argv[1:]:
        case ["--quick"]:
            run_bench(partial(bench, "dispatch-quick", QUICK))
        case ["--rounds", count]:
            run_bench(partial(bench, "dispatch", replace(FULL, rounds=int(count))))
        case _:
            run_bench(partial(bench, "dispatch", FULL))


if __name__ == "__main__":
    main()
