"""From a command job to its tasks."""

from tensorfleet.kinds.command.spec import Spec
from tensorfleet.kinds.task_plan import TaskPlan


def plan(spec: Spec) -> tuple[TaskPlan, ...]:
    """As many tasks as were asked for; each runs the command."""
    words = [spec.command] if isinstance(spec.command, str) else list(spec.command)
    task = TaskPlan(
        datasets=spec.datasets,
        environment=spec.environment,
        payload={"words": words, "is_shell_line": isinstance(spec.command, str)},
    )
    return (task,) * spec.count
