"""What a user may ask of a training job."""

import re
from pathlib import PurePosixPath
from typing import Any

import msgspec

from tensorfleet.kinds import spec_rules
from tensorfleet.shared.errors import FieldError, InvalidJob
from tensorfleet.shared.manifest import path_problem
from tensorfleet.shared.names import MAX_LENGTH

_FUNCTION_PATTERN = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_MODEL_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A training job's own part."""

    entrypoint: str
    """A script in the code folder ("train.py"), or a function in it ("package.module:main")."""
    args: tuple[str, ...] = ()
    """What the script finds in `sys.argv[1:]`."""
    params: dict[str, Any] = {}
    """What it reads as `run.params`."""
    datasets: tuple[str, ...] = ()
    """Datasets it reads by `run.dataset(name)`: "name" or "name:version"."""
    model: str | None = None
    """The model it promises to save; a run that ends without it has failed."""
    environment: dict[str, str] = {}
    """Variables for its process."""


def is_function(entrypoint: str) -> bool:
    """Whether the entrypoint names a function rather than a script."""
    return bool(_FUNCTION_PATTERN.fullmatch(entrypoint))


def check(spec: Spec) -> None:
    """The rules that types do not express.

    Raises:
        InvalidJob: Some are broken; it lists all of them.
    """
    problems = spec_rules.dataset_problems(spec.datasets)
    problems += spec_rules.environment_problems(spec.environment)
    if not is_function(spec.entrypoint) and (
        path_problem(spec.entrypoint) or not spec.entrypoint.endswith(".py")
    ):
        problems.append(
            FieldError(
                field="spec.entrypoint",
                message=f"{spec.entrypoint[:80]!r} is neither a script in the code folder "
                '("train.py") nor a function in it ("module:function")',
            )
        )
    if spec.model is not None and not _MODEL_PATTERN.fullmatch(spec.model):
        problems.append(
            FieldError(
                field="spec.model",
                message=f'must be 1 to {MAX_LENGTH} letters, digits, ".", "_" or "-"',
            )
        )
    spec_rules.raise_problems("train", problems)


def needs_code(_spec: Spec) -> bool:
    """A training job always runs the user's code."""
    return True


def check_code(spec: Spec, file_names: frozenset[str]) -> None:
    """Whether the entrypoint is in the code folder.

    Raises:
        InvalidJob: It is not.
    """
    if is_function(spec.entrypoint):
        module = spec.entrypoint.partition(":")[0].replace(".", "/")
        if f"{module}.py" in file_names or f"{module}/__init__.py" in file_names:
            return
        wanted = f"{module}.py"
    else:
        wanted = str(PurePosixPath(spec.entrypoint))
        if wanted in file_names:
            return
    scripts = sorted(name for name in file_names if name.endswith(".py"))
    listed = ", ".join(scripts[:5]) or "no Python file"
    message = f"{wanted} is not in the code folder, which has {listed}"
    raise InvalidJob(
        f"the entrypoint is missing: {message}",
        (FieldError(field="spec.entrypoint", message=message),),
    )
