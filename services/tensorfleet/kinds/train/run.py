"""What a training task's process does: run the user's script or function, as Python would."""

import importlib
import runpy
import sys

from tensorfleet.kinds.outcome import EntrypointMissing
from tensorfleet.kinds.task_place import TaskPlace
from tensorfleet.kinds.task_plan import TaskPlan
from tensorfleet.kinds.train.spec import is_function


def run(plan: TaskPlan, place: TaskPlace) -> None:
    """Runs the entrypoint with the code folder first on the path; its exceptions come out."""
    code_folder = place.code
    if code_folder is None:
        raise ValueError("a training task needs a code folder")
    entrypoint: str = plan.payload["entrypoint"]
    sys.path.insert(0, str(code_folder))
    if is_function(entrypoint):
        module_name, _, function_name = entrypoint.partition(":")
        sys.argv = [entrypoint, *plan.payload["args"]]
        module = importlib.import_module(module_name)
        if not hasattr(module, function_name):
            raise EntrypointMissing(f"{module_name} has no function {function_name}")
        getattr(module, function_name)()
        return
    script = code_folder / entrypoint
    if not script.is_file():
        raise EntrypointMissing(f"{entrypoint} is not in the code folder")
    # As `python script.py` does: the script's own folder comes first.
    sys.path.insert(0, str(script.parent))
    sys.argv = [str(script), *plan.payload["args"]]
    runpy.run_path(str(script), run_name="__main__")
