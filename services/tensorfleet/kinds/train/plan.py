"""From a training job to its tasks."""

import msgspec

from tensorfleet.kinds.task_plan import TaskPlan
from tensorfleet.kinds.train.spec import Spec

# Nearly every training script imports it, and waits seconds for it in a cold process.
PRELOAD = ("torch",)


def plan(spec: Spec) -> tuple[TaskPlan, ...]:
    """One task: the script."""
    return (
        TaskPlan(
            params=spec.params,
            datasets=spec.datasets,
            environment=spec.environment,
            # Some variables are read when a library is imported: they need a new process.
            preload=() if spec.environment else PRELOAD,
            payload=msgspec.to_builtins({"entrypoint": spec.entrypoint, "args": spec.args}),
        ),
    )
