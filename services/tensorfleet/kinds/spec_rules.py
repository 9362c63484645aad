"""Checks that the specs of several kinds share."""

import re
from collections.abc import Iterable, Mapping

from tensorfleet.shared.errors import FieldError, InvalidJob

DATASET_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}(:[1-9][0-9]{0,8})?")
VARIABLE_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
FUNCTION_PATTERN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
"""Functions by name: "package.module:function"."""
MODULE_PATTERN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
RESERVED_PREFIX = "TENSORFLEET_"


def dataset_problems(datasets: Iterable[str]) -> list[FieldError]:
    """Wrong references to datasets."""
    return [
        FieldError(
            field=f"spec.datasets[{index}]",
            message=f'{reference[:80]!r} is not "name" or "name:version"',
        )
        for index, reference in enumerate(datasets)
        if not DATASET_PATTERN.fullmatch(reference)
    ]


def environment_problems(environment: Mapping[str, str]) -> list[FieldError]:
    """Variables that a job may not set."""
    problems = []
    for name, value in environment.items():
        field = f"spec.environment.{name[:80]}"
        if not VARIABLE_PATTERN.fullmatch(name):
            problems.append(FieldError(field=field, message="is not a variable's name"))
        elif name.startswith(RESERVED_PREFIX):
            problems.append(FieldError(field=field, message=f"{RESERVED_PREFIX}* is reserved"))
        if "\0" in value:
            problems.append(FieldError(field=field, message="must not contain a zero byte"))
    return problems


def missing_module(function: str, file_names: frozenset[str]) -> str | None:
    """The file that a function's module should be, when the code folder has only its package.

    None when it is there, or may be installed on the workers, which cannot be seen from here.
    """
    package, *inner = function.partition(":")[0].split(".")
    if not inner or not any(name.startswith(f"{package}/") for name in file_names):
        return None
    path = "/".join((package, *inner))
    if f"{path}.py" in file_names or f"{path}/__init__.py" in file_names:
        return None
    return f"{path}.py"


def raise_problems(kind: str, problems: list[FieldError]) -> None:
    """Raises `InvalidJob` with all the problems, if there are any."""
    if problems:
        listed = "; ".join(f"{p.field}: {p.message}" for p in problems)
        raise InvalidJob(f"the spec of this {kind} job is wrong: {listed}", tuple(problems))
