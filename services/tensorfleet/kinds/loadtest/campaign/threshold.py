"""What a run must reach to pass, judged on the points that are results, not on a search's."""

from collections.abc import Sequence

from tensorfleet.kinds.loadtest.campaign.figure import measure
from tensorfleet.kinds.loadtest.campaign.objective import Condition
from tensorfleet.kinds.loadtest.record import Point, Search, ThresholdResult

SEARCHED = "search"
FINAL = "final"


def judge_thresholds(
    conditions: Sequence[Condition], points: Sequence[Point], search: Search | None
) -> tuple[ThresholdResult, ...]:
    """Each threshold on each point that counts.

    A search breaks its bound on purpose, so its points do not count: of a search the run of the
    optimum does, and "best" is its result. A threshold that nothing was measured for is broken.
    """
    counted = _counted(points, search)
    results: list[ThresholdResult] = []
    for condition in conditions:
        measured = (
            [("", None if search is None else search.best)]
            if condition.figure == "best"
            else [(point.label, measure(point, condition.figure)) for point in counted]
        )
        results.extend(
            ThresholdResult(
                threshold=condition.text,
                point=label,
                measured=value,
                passed=condition.allows(value),
            )
            for label, value in measured or [("", None)]
        )
    return tuple(results)


def _counted(points: Sequence[Point], search: Search | None) -> list[Point]:
    finals = [point for point in points if point.phase == FINAL]
    if search is not None:
        return [point for point in finals if is_at(point, search.parameter, search.best)]
    return [point for point in points if point.phase != SEARCHED]


def is_at(point: Point, parameter: str, value: float | None) -> bool:
    """Whether a point ran at this value of what was searched."""
    return value is not None and (point.load if parameter == "load" else point.rate) == value
