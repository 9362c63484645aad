"""What a job's tasks gave, decoded, and what they did not give."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tensorfleet.kinds.profile.measurement import Comparison, Result, Series
from tensorfleet.kinds.task_result import TaskResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """All tasks of a job."""

    series: tuple[tuple[TaskResult, Series], ...]
    comparisons: tuple[tuple[TaskResult, Comparison], ...]
    missing: tuple[dict[str, Any], ...]
    """Tasks without a result: {task, state, message}."""


def read(results: Sequence[TaskResult]) -> Readings:
    """Decodes what there is; a result of an unknown shape counts as missing."""
    series: list[tuple[TaskResult, Series]] = []
    comparisons: list[tuple[TaskResult, Comparison]] = []
    missing: list[dict[str, Any]] = []
    for task in results:
        decoded, message = _decode(task)
        if isinstance(decoded, Series):
            series.append((task, decoded))
        elif isinstance(decoded, Comparison):
            comparisons.append((task, decoded))
        else:
            missing.append({"task": task.index, "state": task.state, "message": message})
    return Readings(series=tuple(series), comparisons=tuple(comparisons), missing=tuple(missing))


def _decode(task: TaskResult) -> tuple[Result | None, str]:
    if task.value is None:
        return None, task.message or f"the task is {task.state} and has no result yet"
    try:
        decoded: Result = msgspec.convert(task.value, Result)
    except msgspec.ValidationError as exc:
        return None, f"its result cannot be read: {exc}"
    return decoded, ""
