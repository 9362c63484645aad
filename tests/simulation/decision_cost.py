"""What one decision costs as the queue grows: looking at the lines, matching, claiming."""

from random import Random
from statistics import median
from time import perf_counter

from tensorfleet.orchestrator.scheduling.matching import match
from tensorfleet.orchestrator.scheduling.placement import Policy
from tensorfleet.orchestrator.scheduling.waiting import Shares
from tests.simulation.machine import machine
from tests.simulation.waiting_lines import Waiting, WaitingLines, at
from tests.simulation.workload import GROUPS, machines

ROUNDS = 200
OFFERED = 8


def decision_microseconds(queue_length: int) -> float:
    """The median over many rounds, each of which starts as many tasks as eight workers take."""
    random = Random(queue_length)  # noqa: S311
    lines = WaitingLines(GROUPS, on_first=lambda: None)
    task = 0
    while lines.length < queue_length:
        line = random.choice(list(lines.lines.values()))
        size = line.group.gang_size
        lines.add(line, Waiting(tuple(range(task, task + size)), 1, float(task % 1000)))
        task += size
    offers = [
        machine(number, capacity, 0).offer()
        for number, capacity in enumerate(machines(1_000)[-OFFERED:])
    ]
    seconds = []
    for number in range(ROUNDS):
        now = 1000.0 + number
        started = perf_counter()
        shown = lines.show(64)
        placements = match(shown, offers, Shares(), Policy.RESOURCE_FIT, at(now))
        claimed = [lines.claim(p.line.id, p.entry, now) for p in placements]
        seconds.append((perf_counter() - started) / len(placements))
        # The queue stays as long as it is.
        for placement, entry in zip(placements, claimed, strict=True):
            assert entry is not None
            again = Waiting(entry.tasks, entry.attempt + 1, entry.since)
            lines.add(lines.lines[placement.line.id], again)
    return median(seconds) * 1e6
