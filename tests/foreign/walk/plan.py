"""From a walk job to its tasks."""

import msgspec

from tensorfleet.kinds.task_plan import TaskPlan
from tests.foreign.walk.spec import Spec


def plan(spec: Spec) -> tuple[TaskPlan, ...]:
    """One task for each route."""
    return tuple(TaskPlan(payload=msgspec.to_builtins(route)) for route in spec.routes)
