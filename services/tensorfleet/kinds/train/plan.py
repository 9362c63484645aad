"""From a training job to its tasks."""

import msgspec

from tensorfleet.kinds.task_plan import TaskPlan
from tensorfleet.kinds.train.spec import Spec


def plan(spec: Spec) -> tuple[TaskPlan, ...]:
    """One task: the script."""
    return (
        TaskPlan(
            params=spec.params,
            datasets=spec.datasets,
            environment=spec.environment,
            payload=msgspec.to_builtins({"entrypoint": spec.entrypoint, "args": spec.args}),
        ),
    )
