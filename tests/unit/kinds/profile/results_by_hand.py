"""Results of profile tasks as a worker would have sent them, with figures that are known."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.measurement import (
    Cell,
    Comparison,
    Machine,
    Measuring,
    Memory,
    PairCell,
    Processes,
    Result,
    Series,
    Usage,
)
from tensorfleet.kinds.task_result import TaskResult

MACHINE = Machine(
    fingerprint="a" * 64, worker="w1", cpu="Fast CPU", cores=4, yardstick_seconds=0.010
)
SLOW_MACHINE = Machine(
    fingerprint="b" * 64, worker="w2", cpu="Slow CPU", cores=4, yardstick_seconds=0.020
)
SIZES = tuple(256 * 2**step for step in range(9))
START, END = "2026-11-01T10:00:00Z", "2026-11-01T10:05:00Z"


def algorithm(name: str, expected: str = "") -> Algorithm:
    return Algorithm(
        name=name, function=f"sorting:{name}", expected={"random": expected} if expected else {}
    )


def noisy(seconds: float, source: np.random.Generator, count: int = 12) -> Processes:
    """Three values for each process: 2 % between processes, 1 % within."""
    return tuple(
        tuple(
            float(value)
            for value in seconds * np.exp(source.normal(0, 0.02) + source.normal(0, 0.01, 3))
        )
        for _ in range(count)
    )


def series(
    name: str,
    seconds: Callable[[float], float],
    *,
    sizes: Sequence[int] = SIZES,
    expected: str = "",
    machine: Machine = MACHINE,
    memory: Callable[[float], float] | None = None,
    seed: int = 1,
) -> Series:
    source = np.random.default_rng(seed)
    cells = tuple(
        Cell(
            size=size,
            loops=10,
            processes=noisy(seconds(size), source),
            usage=Usage(calls=360, wall_seconds=2.0, cpu_seconds=1.5),
            memory=None
            if memory is None
            else Memory(
                before_bytes=30_000_000,
                peak_bytes=30_000_000 + int(memory(size)),
                allocated_bytes=int(memory(size)),
            ),
        )
        for size in sizes
    )
    return Series(
        algorithm=algorithm(name, expected),
        input="random",
        seed=1,
        measuring=Measuring(),
        machine=machine,
        cells=cells,
        started_at=START,
        ended_at=END,
    )


def comparison(ratios: Sequence[float], *, rounds: int = 30, seed: int = 1) -> Comparison:
    source = np.random.default_rng(seed)
    cells = tuple(
        PairCell(
            size=1000 * 10**step,
            loops_a=10,
            loops_b=10,
            a=noisy(0.001, source, rounds),
            b=noisy(0.001 * ratio, source, rounds),
            again=noisy(0.001, source, rounds),
        )
        for step, ratio in enumerate(ratios)
    )
    return Comparison(
        a=algorithm("old"),
        b=algorithm("new"),
        input="random",
        seed=1,
        measuring=Measuring(),
        machine=MACHINE,
        cells=cells,
        started_at=START,
        ended_at=END,
    )


def task(result: Result, index: int = 0) -> TaskResult:
    return TaskResult(
        index=index, state="succeeded", value=msgspec.to_builtins(result), worker="w1"
    )
