"""What a profile job's results mean."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import msgspec

from tensorfleet.kinds.profile import baseline as baselines
from tensorfleet.kinds.profile import readings
from tensorfleet.kinds.profile.algorithms.complexity_class import canonical
from tensorfleet.kinds.profile.measurement import (
    Cell,
    Comparison,
    Machine,
    Memory,
    PairCell,
    Problem,
    Series,
    Usage,
)
from tensorfleet.kinds.profile.spec import Spec
from tensorfleet.kinds.profile.statistics import complexity, stability
from tensorfleet.kinds.profile.statistics.comparison import NO_EVIDENCE, Verdict, compare_sizes
from tensorfleet.kinds.profile.statistics.complexity import Complexity
from tensorfleet.kinds.profile.statistics.summary import process_minima, summarize
from tensorfleet.kinds.task_result import TaskResult

VERSION = 1

GROWN_TOLERANCE_BYTES = 256 * 1024
"""Of resident memory: allocators take it from the system in pieces."""
ALLOCATED_TOLERANCE_BYTES = 4 * 1024
"""Of allocated memory: what a few Python objects take in any call."""
_UNSEEN_BYTES = 1024 * 1024
_BYTES_PER_MEGABYTE = 1_000_000


def report(
    _spec: Spec,
    results: Sequence[TaskResult],
    baseline: Sequence[TaskResult] | None,
    options: Mapping[str, str],
) -> dict[str, Any]:
    """Everything that can be said, ready for JSON; docs/profiling.md explains it.

    Args:
        baseline: The results of an earlier profile job; adds "against_baseline".
        options: With a baseline, "normalize" ("true": results of different machines are compared
            by their yardsticks) and "max_regression" ("5%": cells slower by more than that are
            marked).

    Raises:
        InvalidInput: An option is unknown or wrong, or the baseline cannot be compared with.
    """
    choices = baselines.parse_options(options, has_baseline=baseline is not None)
    read = readings.read(results)
    found: dict[str, Any] = {
        "version": VERSION,
        "series": [series_report(task, series) for task, series in read.series],
        "comparisons": [_comparison_report(task, pair) for task, pair in read.comparisons],
        "failures": list(read.missing),
    }
    if baseline is not None:
        found["against_baseline"] = baselines.against(read, readings.read(baseline), choices)
    return found


def time_complexity(series: Series) -> Complexity:
    """How the seconds of a call grow: the least of each size."""
    return complexity.fit(
        [(cell.size, process_minima(cell.processes).tolist()) for cell in series.cells],
        is_least=True,
        limit=series.measuring.call_seconds,
        max_size=series.algorithm.max_size,
    )


def memory_complexity(series: Series) -> Complexity | None:
    """How the bytes that a call needs beyond its input grow; None when memory was not measured."""
    known = [(cell.size, cell.memory) for cell in series.cells if cell.memory is not None]
    if not known:
        return None
    allocated = max(memory.allocated_bytes for _, memory in known)
    grown = max(memory.grown_bytes for _, memory in known)
    if grown <= 2 * allocated + _UNSEEN_BYTES:
        # All of it went through Python's allocators, which count bytes and not pages.
        tolerance = ALLOCATED_TOLERANCE_BYTES
        points = [(size, [float(memory.allocated_bytes)]) for size, memory in known]
    else:
        tolerance = GROWN_TOLERANCE_BYTES
        points = [(size, [float(needed_bytes(memory))]) for size, memory in known]
    return complexity.fit(points, tolerance=tolerance, max_size=series.algorithm.max_size)


def needed_bytes(memory: Memory) -> int:
    """What the call needed beyond its input.

    Pages that the process had already do not show in its growth; what was allocated does.
    """
    return max(memory.grown_bytes, memory.allocated_bytes)


def series_report(task: TaskResult, series: Series) -> dict[str, Any]:
    """One algorithm on one kind of input."""
    expected = series.algorithm.expected.get(series.input, "")
    time = time_complexity(series)
    memory = memory_complexity(series)
    return {
        "task": task.index,
        "algorithm": series.algorithm.name,
        "definition": msgspec.to_builtins(series.algorithm),
        "code": series.code,
        "input": series.input,
        "seed": series.seed,
        "machine": _machine(series.machine),
        "expected": expected,
        "agrees": agrees(expected, time),
        "complexity": _complexity(time),
        "memory_complexity": None if memory is None else _complexity(memory),
        "is_extended": series.is_extended,
        "cells": [_cell(cell) for cell in series.cells],
        "warnings": _problems((*stability.machine_warnings(series.machine), *series.notes)),
        "started_at": series.started_at,
        "ended_at": series.ended_at,
    }


def agrees(expected: str, found: Complexity) -> bool | None:
    """Whether the class is the expected one; None when either is unknown."""
    if not expected or found.name is None:
        return None
    return canonical(expected) == found.name


def _cell(cell: Cell) -> dict[str, Any]:
    figures = summarize(cell.processes) if any(cell.processes) else None
    problems = stability.warnings(
        cell.processes,
        loops=cell.loops,
        usage=cell.usage,
        disturbance=cell.disturbance,
        summary=figures,
    )
    return {
        "size": cell.size,
        **(asdict(figures) if figures is not None else dict.fromkeys(_SUMMARY_FIELDS)),
        "loops": cell.loops,
        **_used(cell.usage, cell.memory),
        "usage": msgspec.to_builtins(cell.usage),
        "memory": msgspec.to_builtins(cell.memory),
        "disturbance": msgspec.to_builtins(cell.disturbance),
        "error": _problem(cell.error),
        "warnings": _problems((*cell.notes, *problems)),
    }


_SUMMARY_FIELDS = (
    "median",
    "low",
    "high",
    "mean",
    "std",
    "minimum",
    "maximum",
    "value_count",
    "process_count",
)


def _used(usage: Usage | None, memory: Memory | None) -> dict[str, Any]:
    return {
        "memory_mb": None if memory is None else needed_bytes(memory) / _BYTES_PER_MEGABYTE,
        "peak_memory_mb": None if memory is None else memory.peak_bytes / _BYTES_PER_MEGABYTE,
        "cpu_percent": None if usage is None else usage.cpu_percent,
    }


def _comparison_report(task: TaskResult, comparison: Comparison) -> dict[str, Any]:
    verdicts = size_verdicts(comparison)
    a, b = comparison.a.name, comparison.b.name
    overall, summary = _overall(a, b, [verdict for _, verdict in verdicts])
    by_size = {cell.size: verdict for cell, verdict in verdicts}
    return {
        "task": task.index,
        "a": a,
        "b": b,
        "code_a": comparison.code_a,
        "code_b": comparison.code_b,
        "input": comparison.input,
        "seed": comparison.seed,
        "machine": _machine(comparison.machine),
        "sizes": [_pair(cell, by_size.get(cell.size)) for cell in comparison.cells],
        "verdict": overall,
        "summary": summary,
        "warnings": _problems((*stability.machine_warnings(comparison.machine), *comparison.notes)),
        "started_at": comparison.started_at,
        "ended_at": comparison.ended_at,
    }


def size_verdicts(comparison: Comparison) -> list[tuple[PairCell, Verdict]]:
    """The verdicts of the sizes that have times, corrected for their number."""
    measured = [cell for cell in comparison.cells if any(cell.a) and any(cell.b)]
    verdicts = compare_sizes([(cell.a, cell.b, cell.again) for cell in measured])
    return list(zip(measured, verdicts, strict=True))


def _pair(cell: PairCell, verdict: Verdict | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "size": cell.size,
        "ratio": None,
        "low": None,
        "high": None,
        "p_value": None,
        "noise": None,
        "verdict": None,
        "message": "not measured" if cell.error is None else cell.error.message,
        "rounds": 0,
    }
    if verdict is not None:
        found |= {
            "ratio": verdict.ratio if verdict.round_count else None,
            "low": verdict.low,
            "high": verdict.high,
            "p_value": verdict.p_value,
            "noise": verdict.noise,
            "verdict": verdict.verdict,
            "message": verdict.message,
            "rounds": verdict.round_count,
        }
    for side, processes, usage, memory in (
        ("a", cell.a, cell.usage_a, cell.memory_a),
        ("b", cell.b, cell.usage_b, cell.memory_b),
    ):
        figures = summarize(processes) if any(processes) else None
        found[f"median_{side}"] = None if figures is None else figures.median
        found |= {f"{name}_{side}": value for name, value in _used(usage, memory).items()}
    problems = [
        problem
        for processes, loops in ((cell.a, cell.loops_a), (cell.b, cell.loops_b))
        for problem in stability.warnings(processes, loops=loops)
    ]
    load = stability.warnings((), disturbance=cell.disturbance)
    found["error"] = _problem(cell.error)
    found["warnings"] = _problems(dict.fromkeys((*cell.notes, *load, *problems)))
    return found


def _overall(a: str, b: str, verdicts: list[Verdict]) -> tuple[str, str]:
    """One word for all sizes, and a sentence."""
    slower = sum(verdict.verdict == "slower" for verdict in verdicts)
    faster = sum(verdict.verdict == "faster" for verdict in verdicts)
    total = len(verdicts)
    sizes = "size" if total == 1 else "sizes"
    if not total:
        return NO_EVIDENCE, f"no size of {a} and {b} could be measured"
    if slower and faster:
        return "mixed", (
            f"{b} is slower than {a} at {slower} and faster at {faster} of {total} sizes"
        )
    if not slower and not faster:
        return NO_EVIDENCE, (
            f"no evidence of a difference between {a} and {b} at any of {total} {sizes}"
        )
    word = "slower" if slower else "faster"
    return word, f"{b} is {word} than {a} at {slower + faster} of {total} {sizes}"


def _complexity(found: Complexity) -> dict[str, Any]:
    return {
        "class": found.name,
        "nearest": found.nearest,
        "confidence": found.confidence,
        "constant": None if found.constant is None else asdict(found.constant),
        "coefficient": None if found.coefficient is None else asdict(found.coefficient),
        "base": None if found.base is None else asdict(found.base),
        "exponent": None if found.exponent is None else asdict(found.exponent),
        "fits": [asdict(fit) for fit in found.fits],
        "from_size": found.from_size,
        "advice": found.advice,
        "suggested_sizes": list(found.suggested_sizes),
    }


def _machine(machine: Machine) -> dict[str, Any]:
    return {
        "fingerprint": machine.fingerprint,
        "worker": machine.worker,
        "host": machine.host,
        "cpu": machine.cpu,
        "cores": machine.cores,
        "memory_bytes": machine.memory_bytes,
        "governor": machine.governor,
        "system": machine.system,
        "python": machine.python,
        "libraries": machine.libraries,
        "load": machine.load,
        "yardstick_seconds": machine.yardstick_seconds,
    }


def _problem(problem: Problem | None) -> dict[str, str] | None:
    return None if problem is None else {"code": problem.code, "message": problem.message}


def _problems(problems: Any) -> list[dict[str, str]]:
    return [{"code": problem.code, "message": problem.message} for problem in problems]
