"""From the description of an algorithm to what can be called."""

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import msgspec

from tensorfleet.kinds.profile.algorithms.algorithm import ALGORITHM_ATTRIBUTE, Algorithm
from tensorfleet.kinds.profile.algorithms.complexity_class import canonical
from tensorfleet.kinds.profile.algorithms.declaration import Declaration, name_of
from tensorfleet.kinds.profile.algorithms.inputs import GENERATORS

DEFAULT_INPUT = "random"
DEFAULT_SIZES = (100, 400, 1_600, 6_400, 25_600, 102_400)

Function = Callable[..., Any]
Generator = Callable[[int, int], tuple[Any, ...]]


class AlgorithmMissing(Exception):
    """An algorithm cannot be loaded here. The message says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedAlgorithm:
    """An algorithm, ready to be called."""

    algorithm: Algorithm
    """All that is known about it: as it was asked for, completed by its function's declaration."""
    function: Function
    generators: Mapping[str, Generator]
    """By the name of the input, at least one; the first is the one to take when none is named."""
    reference: Function | None

    def arguments(self, input_name: str, size: int, seed: int) -> tuple[Any, ...]:
        """Fresh arguments for one call.

        Args:
            input_name: Empty: the first.

        Raises:
            AlgorithmMissing: It has no such input, or the generator does not return a tuple.
        """
        name = input_name or next(iter(self.generators))
        if name not in self.generators:
            known = ", ".join(self.generators)
            raise AlgorithmMissing(f"{self.algorithm.name} has no input {name!r}; it has: {known}")
        made = self.generators[name](size, seed)
        if not isinstance(made, tuple):
            raise AlgorithmMissing(
                f"the generator of {self.algorithm.name}'s input {name!r} returned a "
                f"{type(made).__name__}: let it return the tuple of the function's arguments"
            )
        return made


def load(algorithm: Algorithm) -> LoadedAlgorithm:
    """Imports a function, its generators and its reference.

    What a decorator declared on the function stands where the description is silent. Code folders
    are on `sys.path` already.

    Raises:
        AlgorithmMissing: A module or function is not there or cannot be imported.
    """
    _check_required(algorithm.name, algorithm.requires)
    function = find(algorithm.function, "the function")
    declared = getattr(function, ALGORITHM_ATTRIBUTE, None)
    if not isinstance(declared, Declaration):
        declared = Declaration()
    _check_required(algorithm.name, declared.requires)
    generators = _generators(algorithm, declared)
    reference: str | Function | None = algorithm.reference or declared.reference
    return LoadedAlgorithm(
        algorithm=_completed(algorithm, declared, generators),
        function=function,
        generators={name: _generator(name, made_by) for name, made_by in generators.items()},
        reference=find(reference, "the reference") if isinstance(reference, str) else reference,
    )


def find(name: str, role: str) -> Function:
    """What "module:function" names.

    Raises:
        AlgorithmMissing: There is no such thing, or it cannot be called; `role` is in the message.
    """
    module_name, _, path = name.partition(":")
    if not path:
        raise AlgorithmMissing(f'{role} {name} is not of the form "module:function"')
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        if exc.name is not None and f"{module_name}.".startswith(f"{exc.name}."):
            raise AlgorithmMissing(
                f"{role} {name}: there is no module {exc.name}, neither in the code folder nor on "
                "the worker"
            ) from exc
        raise AlgorithmMissing(
            f"{role} {name}: importing {module_name} needs the module {exc.name}, which is not "
            "there"
        ) from exc
    except Exception as exc:
        raise AlgorithmMissing(
            f"{role} {name}: importing {module_name} raised {type(exc).__name__}: {exc}"
        ) from exc
    try:
        found = reduce(getattr, path.split("."), module)
    except AttributeError as exc:
        raise AlgorithmMissing(f"{role} {name}: {module_name} has no {path}") from exc
    if not callable(found):
        raise AlgorithmMissing(f"{role} {name} cannot be called: it is a {type(found).__name__}")
    function: Function = found
    return function


def _generators(algorithm: Algorithm, declared: Declaration) -> dict[str, str | Generator]:
    return dict(algorithm.inputs) or dict(declared.inputs) or {DEFAULT_INPUT: GENERATORS["random"]}


def _generator(input_name: str, made_by: str | Generator) -> Generator:
    if not isinstance(made_by, str):
        return made_by
    name = GENERATORS.get(made_by, made_by)
    if ":" not in name:
        raise AlgorithmMissing(
            f"the input {input_name!r} names the generator {made_by!r}, which is not "
            f'"module:function" and none of: {", ".join(GENERATORS)}'
        )
    return find(name, f"the generator of input {input_name!r}")


def _completed(
    algorithm: Algorithm, declared: Declaration, generators: Mapping[str, str | Generator]
) -> Algorithm:
    inputs = {
        name: made_by if isinstance(made_by, str) else name_of(made_by)
        for name, made_by in generators.items()
    }
    expected = algorithm.expected or declared.expected_of(inputs)
    reference = algorithm.reference or declared.reference or ""
    return msgspec.structs.replace(
        algorithm,
        inputs=inputs,
        sizes=algorithm.sizes or declared.sizes or DEFAULT_SIZES,
        max_size=algorithm.max_size or declared.max_size,
        expected={name: canonical(growth) or growth for name, growth in expected.items()},
        reference=reference if isinstance(reference, str) else name_of(reference),
        tolerance=algorithm.tolerance or declared.tolerance,
        requires=algorithm.requires or declared.requires,
        description=algorithm.description or declared.description,
    )


def _check_required(name: str, modules: tuple[str, ...]) -> None:
    for module in modules:
        try:
            is_there = importlib.util.find_spec(module) is not None
        except (ImportError, ValueError):  # a parent package is missing, or is none
            is_there = False
        if not is_there:
            raise AlgorithmMissing(f"{name} needs {module}, which is not installed here")
