"""The decorator `tensorfleet.algorithm`: what a function says about itself."""

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, TypeVar, overload

from tensorfleet.kinds.profile.algorithms import algorithm_rules
from tensorfleet.kinds.profile.algorithms.algorithm import ALGORITHM_ATTRIBUTE, Algorithm
from tensorfleet.shared.errors import FieldError, InvalidInput

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])
Generator = Callable[[int, int], tuple[Any, ...]]
Inputs = Mapping[str, str | Generator]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What a decorator said; empty where it said nothing."""

    name: str = ""
    inputs: Inputs = field(default_factory=dict)
    """Generators by the name of the input: functions, or their names."""
    sizes: tuple[int, ...] = ()
    max_size: int = 0
    expected: str | Mapping[str, str] = ""
    """One complexity class for all inputs, or one for each."""
    reference: str | Callable[..., Any] | None = None
    tolerance: float = 0.0
    requires: tuple[str, ...] = ()
    description: str = ""

    def expected_of(self, inputs: Iterable[str]) -> dict[str, str]:
        """The expected class for each input of which one is known."""
        if isinstance(self.expected, str):
            return dict.fromkeys(inputs, self.expected) if self.expected else {}
        return dict(self.expected)


@overload
def algorithm(function: FunctionT, /) -> FunctionT: ...


@overload
def algorithm(
    *,
    name: str = "",
    inputs: Inputs | Iterable[str] = (),
    sizes: Iterable[int] = (),
    max_size: int = 0,
    expected: str | Mapping[str, str] = "",
    reference: str | Callable[..., Any] | None = None,
    tolerance: float = 0.0,
    requires: Iterable[str] = (),
    description: str = "",
) -> Callable[[FunctionT], FunctionT]: ...


def algorithm(
    function: FunctionT | None = None,
    /,
    *,
    name: str = "",
    inputs: Inputs | Iterable[str] = (),
    sizes: Iterable[int] = (),
    max_size: int = 0,
    expected: str | Mapping[str, str] = "",
    reference: str | Callable[..., Any] | None = None,
    tolerance: float = 0.0,
    requires: Iterable[str] = (),
    description: str = "",
) -> FunctionT | Callable[[FunctionT], FunctionT]:
    """Marks a function as an algorithm that can be profiled; it stays callable as before.

    Args:
        name: What it is registered as; empty: the function's name.
        inputs: Generators by the name of the input, each a function of (size, seed) that returns
            the tuple of arguments, or the name of one; or just names of built-in ones. None: lists
            of whole numbers in no order.
        sizes: Measured when a job names none.
        max_size: Larger inputs are refused; 0: no limit.
        expected: The complexity class of its time, like "n log n" or "n^2", for all inputs or by
            the name of the input.
        reference: A function of the same arguments that gives the right answer, or its name.
        tolerance: By how much, relatively, numbers of the answer may differ from the right one.
        requires: Modules without which it cannot run.
        description: For people; empty: the first line of the function's docstring.

    Raises:
        InvalidInput: Something of this cannot be.
    """

    def declare(function: FunctionT) -> FunctionT:
        declaration = Declaration(
            name=name or getattr(function, "__name__", ""),
            inputs=_named_inputs(inputs),
            sizes=tuple(sizes),
            max_size=max_size,
            expected=expected,
            reference=reference,
            tolerance=tolerance,
            requires=_texts(requires, "requires"),
            description=description or _first_line(function),
        )
        _check(declaration)
        try:
            setattr(function, ALGORITHM_ATTRIBUTE, declaration)
        except (AttributeError, TypeError) as exc:
            raise _refused(
                "function",
                f"a {type(function).__name__} takes no mark: declare a Python function that calls "
                "it",
            ) from exc
        return function

    return declare if function is None else declare(function)


def describe(function: Callable[..., Any]) -> Algorithm:
    """The algorithm to register for a decorated function.

    Raises:
        InvalidInput: It is not decorated, or it, a generator or the reference cannot be imported by
            name, as another machine must.
    """
    declaration = getattr(function, ALGORITHM_ATTRIBUTE, None)
    if not isinstance(declaration, Declaration):
        raise _refused(
            "function", f"{name_of(function)} is not decorated with @tensorfleet.algorithm"
        )
    inputs = {
        name: made_by if isinstance(made_by, str) else _importable(made_by, f"inputs.{name}")
        for name, made_by in declaration.inputs.items()
    }
    reference = declaration.reference or ""
    described = Algorithm(
        name=declaration.name,
        function=_importable(function, "function"),
        inputs=inputs,
        sizes=declaration.sizes,
        max_size=declaration.max_size,
        expected=declaration.expected_of(inputs or ("random",)),
        reference=reference if isinstance(reference, str) else _importable(reference, "reference"),
        tolerance=declaration.tolerance,
        requires=declaration.requires,
        description=declaration.description,
    )
    return algorithm_rules.with_canonical_classes(described)


def name_of(function: Callable[..., Any]) -> str:
    """ "module:function", whether or not it can be imported by that."""
    module = getattr(function, "__module__", None) or "?"
    return f"{module}:{getattr(function, '__qualname__', type(function).__qualname__)}"


def _named_inputs(inputs: Inputs | Iterable[str]) -> Inputs:
    if isinstance(inputs, Mapping):
        return dict(inputs)
    return {name: name for name in _texts(inputs, "inputs")}


def _texts(values: Iterable[str], field_name: str) -> tuple[str, ...]:
    if isinstance(values, str):
        raise _refused(field_name, f'is one text; write ("{values}",)')
    return tuple(values)


def _first_line(function: Callable[..., Any]) -> str:
    text = (getattr(function, "__doc__", None) or "").strip()
    return text.splitlines()[0] if text else ""


def _check(declaration: Declaration) -> None:
    """What can be told before it is known where the functions live."""
    problems = []
    for name, made_by in declaration.inputs.items():
        if not isinstance(made_by, str) and not callable(made_by):
            problems.append(
                FieldError(field=f"inputs.{name}", message="is neither a function nor a name")
            )
    reference = declaration.reference
    if reference is not None and not isinstance(reference, str) and not callable(reference):
        problems.append(FieldError(field="reference", message="is neither a function nor a name"))
    # Functions stand for names here, which `describe` finds when they are needed.
    draft = Algorithm(
        name=declaration.name,
        function="module:function",
        inputs={
            name: made_by if isinstance(made_by, str) else "module:function"
            for name, made_by in declaration.inputs.items()
        },
        sizes=declaration.sizes,
        max_size=declaration.max_size,
        expected=declaration.expected_of(declaration.inputs or ("random",)),
        reference=reference if isinstance(reference, str) else "",
        tolerance=declaration.tolerance,
        requires=declaration.requires,
        description=declaration.description,
    )
    problems += algorithm_rules.problems(draft)
    if problems:
        listed = "; ".join(f"{problem.field}: {problem.message}" for problem in problems)
        raise InvalidInput(f"this is no algorithm: {listed}", tuple(problems))


def _importable(function: Callable[..., Any], field_name: str) -> str:
    name = name_of(function)
    module_name, _, path = name.partition(":")
    if "<" in path:
        raise _refused(
            field_name, f"{name} cannot be imported by name: define it at the top of a module"
        )
    if module_name == "__main__":
        raise _refused(
            field_name,
            f"{path} is in the script that runs now, which other machines cannot import: move it "
            "into a module beside the script",
        )
    try:
        found: Any = reduce(getattr, path.split("."), importlib.import_module(module_name))
    except (ImportError, AttributeError) as exc:
        raise _refused(field_name, f"{name} cannot be imported: {exc}") from exc
    if found is not function:
        raise _refused(
            field_name, f"{name} is another thing when imported: give the function its own name"
        )
    return name


def _refused(field_name: str, message: str) -> InvalidInput:
    return InvalidInput(
        f"{field_name}: {message}", (FieldError(field=field_name, message=message),)
    )
