"""Pictures of a load test's results."""

from collections.abc import Mapping, Sequence

from tensorfleet.kinds.loadtest.drawing import catalogue
from tensorfleet.kinds.loadtest.readings import document_of
from tensorfleet.kinds.loadtest.reporting.subject import Choice
from tensorfleet.kinds.loadtest.spec import Spec
from tensorfleet.kinds.task_result import TaskResult
from tensorfleet.shared.errors import InvalidInput

PLOTS = catalogue.PLOTS


def plot(
    name: str,
    _spec: Spec,
    results: Sequence[TaskResult],
    file_format: str,
    options: Mapping[str, str],
) -> bytes:
    """One of `PLOTS`. Equal results give equal files.

    Args:
        file_format: "png" or "svg".
        options: "points" (labels with commas between), "phase", "load" and "rate" choose points.

    Raises:
        InvalidInput: The format or an option is unknown or wrong, or there is nothing to draw.
    """
    choice = Choice.parse(options)
    document = document_of(results)
    if document is None:
        raise InvalidInput("there is nothing to draw yet: wait until the load test has ended")
    return catalogue.draw(name, [("", document)], file_format, choice)
