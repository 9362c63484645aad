"""The same functions measured by pyperf, by us and by pyperf once more, in turns."""

import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.measurement import Measuring
from tensorfleet.kinds.profile.measuring.conductor import Conductor, Subject
from tensorfleet.kinds.profile.measuring.machine import describe_machine
from tensorfleet.kinds.profile.measuring.series import measure_series
from tests.bench.peers.profiled import AGREEMENT

PEERS = Path(__file__).parent / "peers"
# As pyperf's own: three values of at least 0.1 s in each process, after one that warms up.
VALUES, VALUE_SECONDS = 3, 0.1
SIDES = ("pyperfs", "ours", "again")


@dataclass(frozen=True, slots=True)
class Agreement:
    """Medians of one function, in seconds."""

    name: str
    ours: float
    pyperfs: float
    again: float
    """Pyperf's second ones: it differs from itself by as much as the machine does."""

    @property
    def difference_ratio(self) -> float:
        """How far pyperf's and ours are apart."""
        return abs(self.ours / self.pyperfs - 1)

    @property
    def self_difference_ratio(self) -> float:
        """How far pyperf's are apart from pyperf's."""
        return abs(self.again / self.pyperfs - 1)


async def agreements(turns: int, processes: int) -> list[Agreement]:
    """Measures every function in so many turns, each with so many processes of all three.

    Each turn has the functions, and the three, in another order: what is slow for a minute is then
    slow for all.
    """
    names = list(AGREEMENT)
    values = {name: {side: list[float]() for side in SIDES} for name in names}
    for turn in range(turns):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            for side in SIDES[turn % len(SIDES) :] + SIDES[: turn % len(SIDES)]:
                measure = _ours if side == "ours" else _pyperfs
                values[name][side] += await measure(name, processes)
    return [
        Agreement(name, **{side: statistics.median(found) for side, found in sides.items()})
        for name, sides in values.items()
    ]


async def _ours(name: str, processes: int) -> Iterable[float]:
    function, size = AGREEMENT[name]
    measuring = Measuring(processes=processes, values=VALUES, value_seconds=VALUE_SECONDS)
    algorithm = Algorithm(
        name=name,
        function=f"profiled:{function.__name__}",
        inputs={"size": "profiled:the_size"},
    )
    series = await asyncio.to_thread(
        measure_series,
        Conductor(measuring=measuring),
        Subject(algorithm=algorithm, code_folder=PEERS, input="", seed=1),
        [size],
        describe_machine("bench"),
        code="",
        check_outputs=False,
        auto_extend=False,
        tell=lambda _done, _total: None,
    )
    (cell,) = series.cells
    if cell.error is not None:
        sys.exit(f"{name}: {cell.error.message}")
    return [value for values in cell.processes for value in values]


async def _pyperfs(name: str, processes: int) -> Iterable[float]:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "result.json")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(PEERS / "pyperf_peer.py"), "--function", name),
            *("-p", str(processes), "-n", str(VALUES), "--min-time", str(VALUE_SECONDS)),
            *("-o", str(output), "--quiet"),
            stdout=asyncio.subprocess.DEVNULL,
        )
        if await process.wait():
            sys.exit(f"pyperf failed on {name}")
        document = json.loads(output.read_text())
    runs = [run for benchmark in document["benchmarks"] for run in benchmark["runs"]]
    return [value for run in runs for value in run.get("values", ())]
