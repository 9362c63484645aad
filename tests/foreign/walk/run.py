"""What a walk task's process does."""

from tensorfleet.kinds.task_place import TaskPlace
from tensorfleet.kinds.task_plan import TaskPlan


def run(plan: TaskPlan, _place: TaskPlace) -> int:
    """Counts the steps."""
    return len(plan.payload["steps"])
