"""How often profiling is right: comparisons of known outcome, and complexity classes."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import track

from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.algorithms.catalogue import BUILTIN
from tensorfleet.kinds.profile.forms import PairMeasuring
from tensorfleet.kinds.profile.measurement import Measuring, Series
from tensorfleet.kinds.profile.measuring.conductor import Conductor, Subject
from tensorfleet.kinds.profile.measuring.machine import describe_machine, idlest_cpu
from tensorfleet.kinds.profile.measuring.pair import measure_pair
from tensorfleet.kinds.profile.measuring.series import measure_series
from tensorfleet.kinds.profile.report import time_complexity
from tensorfleet.kinds.profile.statistics.comparison import compare
from tensorfleet.kinds.profile.statistics.complexity import Complexity

PEERS = Path(__file__).parent / "peers"
# Sizes of one task: each is a comparison of its own. Some 20 to 60 µs a call.
SIZES = tuple(range(500, 1_500, 100))
PAIRING = PairMeasuring()
# What a job gets that says nothing about it.
FITTING = Measuring()
CONSOLE = Console(stderr=True)


def verdicts(slower: str, comparisons: int) -> Iterator[str]:
    """What so many comparisons of `steady` with a function say."""
    tasks = -(-comparisons // len(SIZES))
    for number in track(range(tasks), f"steady and {slower}", console=CONSOLE):
        comparison = measure_pair(
            Conductor(measuring=PAIRING, cpu=idlest_cpu()),
            _subject("steady", number),
            _subject(slower, number),
            SIZES,
            describe_machine("bench"),
            codes=("", ""),
            check_outputs=True,
            tell=lambda _done, _total: None,
        )
        for cell in comparison.cells:
            if cell.error is not None:
                raise RuntimeError(cell.error.message)
            yield compare(cell.a, cell.b, cell.again).verdict


def classes(seeds: int) -> Iterator[tuple[str, str, Complexity]]:
    """Algorithm and input, expected class, what was found, of all that are built in."""
    for algorithm in track(list(BUILTIN.values()), "classes", console=CONSOLE):
        input_name = next(iter(algorithm.inputs))
        for seed in range(seeds):
            series = _series(algorithm, input_name, seed)
            what = f"{algorithm.name} {input_name}"
            yield what, algorithm.expected[input_name], time_complexity(series)


def _series(algorithm: Algorithm, input_name: str, seed: int) -> Series:
    return measure_series(
        Conductor(measuring=FITTING),
        Subject(algorithm=algorithm, code_folder=None, input=input_name, seed=seed),
        algorithm.sizes,
        describe_machine("bench"),
        code="",
        check_outputs=True,
        auto_extend=False,
        tell=lambda _done, _total: None,
    )


def _subject(function: str, seed: int) -> Subject:
    algorithm = Algorithm(
        name=function, function=f"profiled:{function}", inputs={"size": "profiled:the_size"}
    )
    return Subject(algorithm=algorithm, code_folder=PEERS, input="", seed=seed)
