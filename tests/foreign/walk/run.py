"""What a walk task's process does."""

from typing import Any

from tensorfleet.kinds.task_place import TaskPlace
from tensorfleet.kinds.task_plan import TaskPlan


def run(plan: TaskPlan, place: TaskPlace) -> Any:
    """Counts the steps; or meets the others first, and tells whom."""
    steps = len(plan.payload["steps"])
    if not plan.payload["together"]:
        return steps
    met = place.open_run().meet(f"{place.peer_host}#{place.index}", timeout_seconds=30)
    return {"steps": steps, "met": met, "of": place.task_count}
