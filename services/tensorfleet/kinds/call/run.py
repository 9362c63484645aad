"""What a call task's process does: call the function."""

import gc
import importlib
import inspect
import sys
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any

from tensorfleet.kinds.outcome import EntrypointMissing
from tensorfleet.kinds.task_place import TaskPlace
from tensorfleet.kinds.task_plan import TaskPlan

Call = Callable[[dict[str, Any]], Any]


def run(plan: TaskPlan, place: TaskPlace) -> None:
    """Makes one call in the present process; what it returns goes nowhere."""
    serve(place.code)(plan.payload)


def serve(code_folder: Path | None) -> Call:
    """Makes calls, one payload after another: returns what the function does.

    Each function is imported once. What it raises comes out.
    """
    if code_folder is not None:
        sys.path.insert(0, str(code_folder))
    known: dict[str, Call] = {}

    def call(payload: dict[str, Any]) -> Any:
        name = payload["function"]
        calling = known.get(name)
        if calling is None:
            calling = known[name] = _calling(_find(name))
            # What was imported stays: no collection need look at it again.
            gc.collect()
            gc.freeze()
        return calling(payload)

    return call


def _find(name: str) -> Callable[..., Any]:
    module_name, _, path = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        if exc.name is None or not f"{module_name}.".startswith(f"{exc.name}."):
            raise
        raise EntrypointMissing(
            f"there is no module {exc.name}, neither in the code folder nor on the worker"
        ) from exc
    try:
        function = reduce(getattr, path.split("."), module)
    except AttributeError as exc:
        raise EntrypointMissing(f"{module_name} has no function {path}") from exc
    if not callable(function):
        raise EntrypointMissing(f"{name} is not a function")
    found: Callable[..., Any] = function
    return found


def _calling(function: Callable[..., Any]) -> Call:
    takes_index = _takes_index(function)

    def calling(payload: dict[str, Any]) -> Any:
        if "index" in payload:
            return function(index=payload["index"]) if takes_index else function()
        return function(*payload.get("args", ()), **payload.get("kwargs", {}))

    return calling


def _takes_index(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some built-in functions do not tell
        return False
    found = parameters.get("index")
    return found is not None and found.kind is not inspect.Parameter.POSITIONAL_ONLY
