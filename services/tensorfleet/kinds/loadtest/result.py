"""What is kept of a load test, and shown as a table."""

from collections.abc import Sequence
from typing import Any

from tensorfleet.kinds.loadtest.readings import document_of
from tensorfleet.kinds.loadtest.spec import Spec
from tensorfleet.kinds.outcome import ProducedOutput, Shortfall
from tensorfleet.kinds.task_result import TaskResult


def judge(_spec: Spec, _outputs: tuple[ProducedOutput, ...]) -> Shortfall | None:
    """A load test promises no outputs: its result is the document."""
    return None


def rows(_spec: Spec, results: Sequence[TaskResult]) -> list[dict[str, Any]]:
    """One row for each point, with times in seconds, rates per second and shares from 0 to 1.

    A job without a document, as it still runs or has failed, has no rows.
    """
    # Here, as the orchestrator imports this module and has no numpy.
    from tensorfleet.kinds.loadtest.reporting.tables import point_rows

    document = document_of(results)
    return [] if document is None else point_rows(document)
