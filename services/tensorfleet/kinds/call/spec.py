"""What a user may ask of a call job."""

from typing import Any

import msgspec

from tensorfleet.kinds import spec_rules
from tensorfleet.kinds.default_resources import DefaultResources
from tensorfleet.shared.errors import FieldError, InvalidJob

MAX_CALLS = 100_000
# A call waits in its worker, too, so that no process is ever idle. Small amounts let a few hundred
# be there; a call that really needs a core asks for it.
DEFAULT_RESOURCES = DefaultResources(cpus=0.005, memory_bytes=8 * 1024 * 1024)

# A wrong list has as many problems as entries; these are enough to see what is wrong.
_SHOWN_PROBLEMS = 20


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One call's arguments."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call job's own part: either `calls` or `count`."""

    function: str
    """ "module:function", in the code folder or among what workers have installed."""
    calls: tuple[Arguments | tuple[Any, ...], ...] | None = None
    """One call each; a plain list is short for its `args`."""
    count: int | None = None
    """This many calls. A function with a parameter `index` gets the call's number, from 0."""
    preload: tuple[str, ...] = ()
    """Modules that take long to import, like torch: workers keep them ready."""
    environment: dict[str, str] = {}
    """Variables for its processes."""


def check(spec: Spec) -> None:
    """The rules that types do not express.

    Raises:
        InvalidJob: Some are broken; it lists all of them.
    """
    problems = spec_rules.environment_problems(spec.environment)
    if not spec_rules.FUNCTION_PATTERN.fullmatch(spec.function):
        problems.append(
            FieldError(
                field="spec.function",
                message=f'{spec.function[:80]!r} is not of the form "module:function"',
            )
        )
    if (spec.calls is None) == (spec.count is None):
        problems.append(
            FieldError(field="spec.calls", message="give either calls or count, and one of them")
        )
    problems += _amount_problems(spec)
    problems += [
        FieldError(field=f"spec.preload[{index}]", message="is not a module's name")
        for index, module in enumerate(spec.preload)
        if not spec_rules.MODULE_PATTERN.fullmatch(module)
    ][:_SHOWN_PROBLEMS]
    spec_rules.raise_problems("call", problems)


def needs_code(_spec: Spec) -> bool:
    """The function may be one that the worker has installed."""
    return False


def check_code(spec: Spec, file_names: frozenset[str]) -> None:
    """Whether the function's module can be in the code folder, or is none of its own.

    Raises:
        InvalidJob: The folder has the module's package, but not the module.
    """
    missing = spec_rules.missing_module(spec.function, file_names)
    if missing is None:
        return
    message = f"{missing} is not in the code folder"
    raise InvalidJob(
        f"the function's module is missing: {message}",
        (FieldError(field="spec.function", message=message),),
    )


def _amount_problems(spec: Spec) -> list[FieldError]:
    message = f"must be 1 to {MAX_CALLS:,} calls"
    problems = []
    if spec.count is not None and not 1 <= spec.count <= MAX_CALLS:
        problems.append(FieldError(field="spec.count", message=message))
    if spec.calls is not None and not 1 <= len(spec.calls) <= MAX_CALLS:
        problems.append(FieldError(field="spec.calls", message=message))
    return problems
