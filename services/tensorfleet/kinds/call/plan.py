"""From a call job to its tasks."""

from typing import Any

from tensorfleet.kinds.call.spec import Arguments, Spec
from tensorfleet.kinds.task_plan import TaskPlan


def plan(spec: Spec) -> tuple[TaskPlan, ...]:
    """One task for each call, in order."""
    payloads: list[dict[str, Any]]
    if spec.calls is not None:
        payloads = [{"function": spec.function, **_arguments(call)} for call in spec.calls]
    else:
        payloads = [{"function": spec.function, "index": index} for index in range(spec.count or 0)]
    # Some variables are read when a library is imported: they need a new process.
    preload = () if spec.environment else spec.preload
    return tuple(
        TaskPlan(
            shares_process=True,
            environment=spec.environment,
            preload=preload,
            payload=payload,
        )
        for payload in payloads
    )


def _arguments(call: Arguments | tuple[Any, ...]) -> dict[str, Any]:
    """What of the arguments is there: a hundred thousand tasks should be small."""
    if not isinstance(call, Arguments):
        return {"args": call}
    found: dict[str, Any] = {}
    if call.args:
        found["args"] = call.args
    if call.kwargs:
        found["kwargs"] = call.kwargs
    return found
