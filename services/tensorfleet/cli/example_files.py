"""Where the examples are: in the clone that this runs from, or beside the installed package."""

from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import tensorfleet
from tensorfleet.shared.errors import NotFound

MARK = "job.yaml"


def find_example(name: str) -> Path:
    """The folder of an example.

    Raises:
        NotFound: This installation has no examples.
    """
    in_clone = Path(tensorfleet.__file__).parents[2] / "examples" / name
    if (in_clone / MARK).is_file():
        return in_clone
    try:
        files = distribution("tensorfleet").files or []
    except PackageNotFoundError:
        files = []
    for file in files:
        if file.as_posix().endswith(f"examples/{name}/{MARK}"):
            return Path(str(file.locate())).resolve().parent
    raise NotFound(f"this installation has no examples/{name}; run from a clone of TensorFleet")


def import_script(path: Path) -> ModuleType:
    """A script of an example, as a module; its `__main__` part does not run."""
    spec = spec_from_file_location(f"tensorfleet_example_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise NotFound(f"{path} is not a Python script")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
