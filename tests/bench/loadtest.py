"""Whether load tests can be believed, and how much load one core makes; beside wrk and Locust.

Run by `make bench-loadtest`: the generator on one core, the server on another.
"""

import argparse
from collections import defaultdict

from rich.console import Console

from tests.bench.bench_process import run_bench
from tests.bench.figures import record
from tests.bench.loadtest_memory import growth_per_million_mib
from tests.bench.loadtest_percentiles import sleeping_error, stalling_error
from tests.bench.loadtest_rates import turns
from tests.bench.loadtest_search import CAPACITY, found_rates

AIMS = {
    "ratio_to_wrk": "≥ 0.8",
    "ratio_to_locust": "≥ 10",
    "lateness_p99_ms": "≤ 0.1",
    "percentile_max_error_ratio": "≤ 0.02",
    "stall_max_error_ratio": "≤ 0.02",
    "search_max_error_ratio": "≤ 0.05",
    "memory_growth_mib_per_million": "0",
}
PARTS = ("rates", "percentiles", "search", "memory")
CONSOLE = Console(width=100)


def main() -> None:
    """Reads the command line, measures, records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; may repeat")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each rate")
    parser.add_argument("--searches", type=int, default=5)
    parser.add_argument("--requests", type=int, default=10_000_000, help="of the memory's part")
    options = parser.parse_args()
    parts = options.only or PARTS
    figures: dict[str, list[float]] = defaultdict(list)

    async def bench() -> None:
        if "rates" in parts:
            for turn in await turns(options.turns, options.seconds):
                figures["requests_per_second"].append(turn.ours)
                figures["closed_requests_per_second"].append(turn.closed)
                figures["wrk_requests_per_second"].append(turn.wrk)
                figures["locust_requests_per_second"].append(turn.locust)
                figures["ratio_to_wrk"].append(turn.ours / turn.wrk)
                figures["ratio_to_locust"].append(turn.ours / turn.locust)
                figures["lateness_p99_ms"].append(turn.lateness_p99_ms)
        if "percentiles" in parts:
            for _ in range(options.turns):
                figures["percentile_max_error_ratio"].append(await sleeping_error())
                response, service = await stalling_error()
                figures["stall_max_error_ratio"].append(response)
                figures["stall_service_error_ratio"].append(service)
        if "search" in parts:
            rates = await found_rates(options.searches)
            CONSOLE.print(f"capacity {CAPACITY:g}/s, found: {', '.join(f'{r:g}' for r in rates)}")
            figures["search_max_error_ratio"].append(
                max(abs(rate / CAPACITY - 1) for rate in rates)
            )
        if "memory" in parts:
            figures["memory_growth_mib_per_million"].append(
                await growth_per_million_mib(options.requests)
            )

    run_bench(bench)
    record("loadtest", figures, AIMS)


if __name__ == "__main__":
    main()
