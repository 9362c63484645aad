"""From a walk job to its tasks."""

import os
from pathlib import Path

import msgspec

from tensorfleet.kinds.task_plan import TaskPlan
from tests.foreign.walk.spec import Spec


def plan(spec: Spec) -> tuple[TaskPlan, ...]:
    """One task for each route."""
    # Where this kind is installed is known to the tests' own process alone.
    foreign = Path(__file__).parents[1]
    path = os.pathsep.join(map(str, (foreign, foreign.parents[1])))
    return tuple(
        TaskPlan(
            payload=msgspec.to_builtins(route) | {"together": spec.together},
            environment={"PYTHONPATH": path} if spec.together else {},
        )
        for route in spec.routes
    )
