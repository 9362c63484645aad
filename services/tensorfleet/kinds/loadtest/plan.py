"""From a load test job to its tasks: one for each worker that sends."""

from typing import Any

import msgspec

from tensorfleet.kinds.loadtest.spec import Spec
from tensorfleet.kinds.task_plan import TaskPlan


def plan(spec: Spec) -> tuple[TaskPlan, ...]:
    """As many equal tasks as workers; the first leads the others."""
    payload: dict[str, Any] = {"spec": msgspec.to_builtins(spec)}
    task = TaskPlan(environment=spec.environment, payload=payload)
    return (task,) * spec.workers
