"""The document in a job's results."""

from collections.abc import Sequence

import msgspec

from tensorfleet.kinds.loadtest.record import Document
from tensorfleet.kinds.task_result import TaskResult
from tensorfleet.shared.errors import InvalidInput


def document_of(results: Sequence[TaskResult]) -> Document | None:
    """What the job's first task gave; None while it runs, or when it failed.

    Raises:
        InvalidInput: It gave something else.
    """
    first = next((task for task in results if task.index == 0), None)
    if first is None or first.value is None:
        return None
    try:
        return msgspec.convert(first.value, Document)
    except msgspec.ValidationError as exc:
        raise InvalidInput(f"the job's result is no load test of this version: {exc}") from exc
