"""Whether profiles can be believed: agreement with pyperf, verdicts of known truth, busy workers.

Run by `make bench-profile`. False alarms and detection are counted over comparisons of two equal
functions, and of one with another that does 5 % more steps; a comparison is one size of a task.
"""

import argparse
import asyncio
import os
from collections import defaultdict
from dataclasses import dataclass

from rich.console import Console

from tests.bench.figures import record
from tests.bench.profile_agreement import agreements
from tests.bench.profile_fan_out import busy_share
from tests.bench.profile_verdicts import classes, verdicts

AIMS = {
    "pyperf_max_difference_ratio": "≤ 0.02",
    "false_alarm_rate": "≤ 0.05",
    "detection_rate_5pct": "≥ 0.90",
    "class_accuracy": "≥ 0.95",
    "wrong_class_rate": "0",
    "busy_share": "≥ 0.90",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much to do."""

    turns: int
    processes: int
    """Of each side in each turn of the agreement."""
    comparisons: int
    seeds: int
    tasks: int


FULL = Sizes(turns=6, processes=1, comparisons=200, seeds=20, tasks=1_000)
QUICK = Sizes(turns=3, processes=1, comparisons=20, seeds=1, tasks=20)
PARTS = ("agreement", "false-alarms", "detection", "classes", "fan-out")


# A task of one core gets no more, and numeric libraries would take all cores.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


async def bench(sizes: Sizes, parts: list[str]) -> dict[str, list[float]]:
    """Measures those parts."""
    figures: dict[str, list[float]] = defaultdict(list)
    console = Console(width=100)
    if "agreement" in parts:
        found = await agreements(sizes.turns, sizes.processes)
        for one in found:
            console.print(
                f"{one.name}: ours {one.ours * 1e6:,.4g} µs, pyperf's {one.pyperfs * 1e6:,.4g} µs, "
                f"{one.difference_ratio:.2%} apart; pyperf's from pyperf's "
                f"{one.self_difference_ratio:.2%}"
            )
        figures["pyperf_max_difference_ratio"].append(max(one.difference_ratio for one in found))
        figures["pyperf_self_difference_ratio"].append(
            max(one.self_difference_ratio for one in found)
        )
    for part, key, slower in (
        ("false-alarms", "false_alarm_rate", "steady"),
        ("detection", "detection_rate_5pct", "steady_slower"),
    ):
        if part in parts:
            said = list(verdicts(slower, sizes.comparisons))
            hits = [v for v in said if v == "slower" or (slower == "steady" and v == "faster")]
            console.print(f"{part}: {len(hits)} of {len(said)}")
            figures[key].append(len(hits) / len(said))
    if "classes" in parts:
        right = wrong = total = 0
        for name, expected, got in classes(sizes.seeds):
            total += 1
            right += got.name == expected
            wrong += got.name not in (None, expected)
            if got.name != expected:
                console.print(f"{name}: expected {expected}, found {got.name}: {got.advice}")
        figures["class_accuracy"].append(right / total)
        figures["wrong_class_rate"].append(wrong / total)
    if "fan-out" in parts:
        figures["busy_share"].append(await busy_share(sizes.tasks))
    return figures


def main() -> None:
    """Reads the command line, measures, records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a little of everything")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; may repeat")
    parser.add_argument("--comparisons", type=int, help="so many instead")
    parser.add_argument("--seeds", type=int, help="so many instead")
    parser.add_argument("--tasks", type=int, help="so many instead")
    options = parser.parse_args()
    os.environ |= ONE_THREAD
    sizes = QUICK if options.quick else FULL
    chosen = Sizes(
        turns=sizes.turns,
        processes=sizes.processes,
        comparisons=options.comparisons or sizes.comparisons,
        seeds=options.seeds or sizes.seeds,
        tasks=options.tasks or sizes.tasks,
    )
    figures = asyncio.run(bench(chosen, options.only or list(PARTS)))
    record("profile", figures, AIMS)


if __name__ == "__main__":
    main()
