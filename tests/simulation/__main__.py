"""The whole simulation: `python -m tests.simulation`, or `make simulation`."""

import argparse
import sys
from time import perf_counter

from tests.simulation.decision_cost import decision_microseconds
from tests.simulation.simulation import STARVATION_BOUND_SECONDS, Options, Simulation, Violation


def tell(line: str) -> None:
    """Prints at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Runs it, and exits with 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=10_000)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    tell("cost of one decision by the length of the queue")
    for length in (1_000, 10_000, 100_000, 1_000_000):
        if length <= asked.tasks:
            tell(f"  {length:>9,}: {decision_microseconds(length):6.1f} µs")
    tell(f"{asked.workers:,} workers, {asked.tasks:,} tasks, seed {asked.seed}")
    started = perf_counter()
    try:
        result = Simulation(
            Options(workers=asked.workers, tasks=asked.tasks, seed=asked.seed)
        ).run()
    except Violation as violation:
        sys.exit(f"BROKEN: {violation}")
    tell(
        f"every promise held for {result.simulated_seconds:,.0f} simulated seconds, "
        f"in {perf_counter() - started:.0f} s"
    )
    for name, number in sorted(result.counts.items()):
        tell(f"  {name}: {number:,}")
    tell(
        f"  longest that a line went unserved: {result.longest_unserved:.0f} s "
        f"(bound {STARVATION_BOUND_SECONDS:.0f} s)"
    )
    first, second = result.twins
    tell(f"  equal tenants held {first:,.0f} and {second:,.0f} core seconds")
    tell("  cost of one decision meanwhile, all rounds, by the digits of the queue's length")
    for digits, cost in result.costs.items():
        if cost.decisions:
            each = cost.seconds / cost.decisions * 1e6
            tell(f"    {digits}: {each:6.1f} µs over {cost.decisions:,} decisions")


if __name__ == "__main__":
    main()
