"""What is kept of a profile job, and shown as a table."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tensorfleet.kinds.outcome import ProducedOutput, Shortfall
from tensorfleet.kinds.profile import readings
from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.measurement import (
    Cell,
    Comparison,
    Problem,
    Series,
)
from tensorfleet.kinds.profile.spec import Spec
from tensorfleet.kinds.task_result import TaskResult

_BYTES_PER_MEGABYTE = 1_000_000


def judge(_spec: Spec, _outputs: tuple[ProducedOutput, ...]) -> Shortfall | None:
    """A profile task promises nothing but to return: its result says what could not be measured."""
    return None


def rows(_spec: Spec, results: Sequence[TaskResult]) -> list[dict[str, Any]]:
    """One row for each size of each algorithm, also for each side of a comparison.

    Times are seconds a call, memory is in megabytes of 1,000,000 bytes. A task without a result has
    one row, with its error.
    """
    read = readings.read(results)
    table: list[dict[str, Any]] = []
    for task, series in read.series:
        for cell in series.cells:
            table.append(_row(task, series, series.algorithm, series.code, "", cell))
    for task, comparison in read.comparisons:
        table.extend(_comparison_rows(task, comparison))
    by_index = {task.index: task for task in results}
    table.extend(
        _failed_row(by_index[missing["task"]], missing["message"]) for missing in read.missing
    )
    return sorted(table, key=lambda row: int(row["task"]))


def _comparison_rows(task: TaskResult, comparison: Comparison) -> Iterator[dict[str, Any]]:
    for pair in comparison.cells:
        common: dict[str, Any] = {
            "size": pair.size,
            "disturbance": pair.disturbance,
            "error": pair.error,
            "notes": pair.notes,
        }
        a = Cell(
            loops=pair.loops_a,
            processes=pair.a,
            usage=pair.usage_a,
            memory=pair.memory_a,
            **common,
        )
        b = Cell(
            loops=pair.loops_b,
            processes=pair.b,
            usage=pair.usage_b,
            memory=pair.memory_b,
            **common,
        )
        yield _row(task, comparison, comparison.a, comparison.code_a, "a", a)
        yield _row(task, comparison, comparison.b, comparison.code_b, "b", b)


def _row(
    task: TaskResult,
    result: Series | Comparison,
    algorithm: Algorithm,
    code: str,
    side: str,
    cell: Cell,
) -> dict[str, Any]:
    # The orchestrator imports this module, and has no numpy.
    from tensorfleet.kinds.profile.statistics.stability import warnings
    from tensorfleet.kinds.profile.statistics.summary import summarize

    times = summarize(cell.processes) if any(cell.processes) else None
    doubts = warnings(
        cell.processes,
        loops=cell.loops,
        usage=cell.usage,
        disturbance=cell.disturbance,
        summary=times,
    )
    measuring = result.measuring
    return {
        "task": task.index,
        "algorithm": algorithm.name,
        "side": side,
        "input": result.input,
        "size": cell.size,
        "execution_time_s": None if times is None else times.median,
        "execution_time_low_s": None if times is None else times.low,
        "execution_time_high_s": None if times is None else times.high,
        "memory_mb": _megabytes(cell.memory.grown_bytes if cell.memory else None),
        "peak_memory_mb": _megabytes(cell.memory.peak_bytes if cell.memory else None),
        "cpu_percent": None if cell.usage is None else cell.usage.cpu_percent,
        "iterations": 0 if times is None else times.value_count * max(1, cell.loops),
        "processes": 0 if times is None else times.process_count,
        "parameters": _text(
            {
                "seed": result.seed,
                "loops": cell.loops,
                "values": measuring.values,
                "warmups": measuring.warmups,
                "value_seconds": measuring.value_seconds,
                "gc": measuring.gc,
            }
        ),
        "metadata": _text(
            {
                "machine": result.machine.fingerprint,
                "worker": result.machine.worker or task.worker,
                "cpu": result.machine.cpu,
                "python": result.machine.python,
                "libraries": result.machine.libraries,
                "function": algorithm.function,
                "code": code,
                "usage": cell.usage,
                "disturbance": cell.disturbance,
                "notes": [_problem(note) for note in (*result.notes, *cell.notes)],
            }
        ),
        "warnings": " ".join(dict.fromkeys(doubt.code for doubt in doubts)),
        "error": "" if cell.error is None else f"{cell.error.code}: {cell.error.message}",
        "timestamp": result.ended_at,
    }


def _failed_row(task: TaskResult, message: str) -> dict[str, Any]:
    return {
        "task": task.index,
        "algorithm": "",
        "side": "",
        "input": "",
        "size": None,
        "execution_time_s": None,
        "execution_time_low_s": None,
        "execution_time_high_s": None,
        "memory_mb": None,
        "peak_memory_mb": None,
        "cpu_percent": None,
        "iterations": 0,
        "processes": 0,
        "parameters": "{}",
        "metadata": _text({"worker": task.worker, "state": task.state}),
        "warnings": "",
        "error": message,
        "timestamp": None if task.ended_at is None else task.ended_at.isoformat(),
    }


def _megabytes(size_bytes: int | None) -> float | None:
    return None if size_bytes is None else size_bytes / _BYTES_PER_MEGABYTE


def _problem(problem: Problem) -> dict[str, str]:
    return {"code": problem.code, "message": problem.message}


def _text(values: dict[str, Any]) -> str:
    return msgspec.json.encode(values, order="sorted").decode()
