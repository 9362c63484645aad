"""Pictures of a profile job's results."""

from collections.abc import Callable, Mapping, Sequence

from matplotlib.figure import Figure

from tensorfleet.kinds.drawing.picture import picture_of
from tensorfleet.kinds.profile import readings
from tensorfleet.kinds.profile.drawing import comparisons, distributions, growth_curves
from tensorfleet.kinds.profile.drawing.choice import Choice
from tensorfleet.kinds.profile.readings import Readings
from tensorfleet.kinds.profile.spec import Spec
from tensorfleet.kinds.task_result import TaskResult

PLOTS = {
    "time": "time over size on logarithmic axes, with intervals and the fitted complexity class",
    "violin": "how the times of each algorithm are distributed, at one size",
    "memory": "memory over size on logarithmic axes",
    "comparison": "how many times as long the second algorithm takes, with intervals and noise",
}

_DRAWINGS: dict[str, Callable[[Readings, Choice], Figure]] = {
    "time": growth_curves.draw_time,
    "violin": distributions.draw,
    "memory": growth_curves.draw_memory,
    "comparison": comparisons.draw,
}


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
        options: "algorithms" and "inputs", names with commas between them; "size" of a violin.

    Raises:
        InvalidInput: The format or an option is unknown or wrong, or there is nothing to draw.
    """
    choice = Choice.parse(options, plot=name)
    read = readings.read(results)
    return picture_of(lambda: _DRAWINGS[name](read, choice), file_format)
