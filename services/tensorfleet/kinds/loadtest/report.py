"""What a load test's results mean."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tensorfleet.kinds.loadtest.readings import document_of
from tensorfleet.kinds.loadtest.reporting.comparison import compare
from tensorfleet.kinds.loadtest.reporting.subject import Choice, subjects
from tensorfleet.kinds.loadtest.reporting.tables import point_rows
from tensorfleet.kinds.loadtest.reporting.verdict import verdict, verdict_lines
from tensorfleet.kinds.loadtest.spec import Spec
from tensorfleet.kinds.task_result import TaskResult
from tensorfleet.shared.errors import InvalidInput

VERSION = 1


def report(
    _spec: Spec,
    results: Sequence[TaskResult],
    baseline: Sequence[TaskResult] | None,
    options: Mapping[str, str],
) -> dict[str, Any]:
    """Verdict, points, search, bottleneck and thresholds, ready for JSON.

    Args:
        baseline: The results of another load test; adds "against_baseline", with ratios over it.
        options: With a baseline: "points", "phase", "load" and "rate" choose what is compared.

    Raises:
        InvalidInput: An option is unknown or wrong, or the two have no load in common.
    """
    if options and baseline is None:
        raise InvalidInput(f"option {next(iter(options))[:80]} is for a comparison: add a baseline")
    choice = Choice.parse(options)
    document = document_of(results)
    found: dict[str, Any] = {
        "version": VERSION,
        "failures": [
            {"task": task.index, "message": task.message} for task in results if task.message
        ],
    }
    if document is not None:
        found |= {
            "verdict": verdict(document),
            "reasons": verdict_lines(document),
            "started_at": document.started_at,
            "ended_at": document.ended_at,
            "interrupted": document.interrupted,
            "points": point_rows(document),
            "search": msgspec.to_builtins(document.search),
            "bottleneck": msgspec.to_builtins(document.bottleneck),
            "thresholds": msgspec.to_builtins(document.thresholds),
            "notes": msgspec.to_builtins(document.notes),
        }
    if baseline is not None:
        before = document_of(baseline)
        if before is None or document is None:
            raise InvalidInput("one of the two load tests has no results yet: wait until it ends")
        pair = [("baseline", before), ("this", document)]
        found["against_baseline"] = compare(subjects(pair, choice)).to_json()
    return found
