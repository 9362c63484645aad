"""The algorithms of a project: how they are registered, and how jobs find them."""

from collections.abc import Mapping
from difflib import get_close_matches

import msgspec

from tensorfleet.kinds.definitions import Definitions
from tensorfleet.kinds.profile import spec as profile_spec
from tensorfleet.kinds.profile.algorithms import algorithm_rules
from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.algorithms.catalogue import BUILTIN
from tensorfleet.kinds.profile.spec import Spec
from tensorfleet.shared.errors import FieldError, InvalidInput, InvalidJob

# Enough to choose from, in a message.
_SHOWN_NAMES = 50


def check(algorithm: Algorithm) -> None:
    """The rules for an algorithm that is registered.

    Raises:
        InvalidInput: Some are broken; it lists all of them.
    """
    problems = algorithm_rules.problems(algorithm)
    if not any(problem.field == "name" for problem in problems):
        message = ""
        if algorithm.name in BUILTIN:
            message = f"{algorithm.name} is built in: choose another name"
        elif algorithm_rules.is_function(algorithm.name):
            message = "must be a plain name, such as my_sort"
        if message:
            problems.insert(0, FieldError(field="name", message=message))
    if problems:
        listed = "; ".join(f"{problem.field}: {problem.message}" for problem in problems)
        raise InvalidInput(f"this is no algorithm: {listed}", tuple(problems))


def named_in(spec: Spec) -> frozenset[str]:
    """The names of a job that only its project can know."""
    return frozenset(
        algorithm
        for algorithm in spec.algorithms
        if isinstance(algorithm, str) and ":" not in algorithm and algorithm not in BUILTIN
    )


def resolve(spec: Spec, registered: Mapping[str, Algorithm]) -> Spec:
    """The job with descriptions in the place of names.

    A "module:function" that nobody registered goes by its own name, and its description is what
    the function itself declares.

    Raises:
        InvalidJob: A name is unknown, or the job asks of an algorithm what it does not take.
    """
    problems = [
        FieldError(field=f"spec.algorithms[{index}]", message=_unknown(name, registered))
        for index, name in enumerate(spec.algorithms)
        if isinstance(name, str)
        and ":" not in name
        and name not in BUILTIN
        and name not in registered
    ]
    if problems:
        listed = "; ".join(problem.message for problem in problems)
        raise InvalidJob(listed, tuple(problems))
    resolved = msgspec.structs.replace(
        spec,
        algorithms=tuple(
            algorithm_rules.with_canonical_classes(_described(algorithm, registered))
            for algorithm in spec.algorithms
        ),
    )
    profile_spec.check(resolved)
    return resolved


def _described(algorithm: str | Algorithm, registered: Mapping[str, Algorithm]) -> Algorithm:
    if isinstance(algorithm, Algorithm):
        return algorithm
    found = BUILTIN.get(algorithm) or registered.get(algorithm)
    return found or Algorithm(name=algorithm, function=algorithm)


def _unknown(name: str, registered: Mapping[str, Algorithm]) -> str:
    known = [*BUILTIN, *sorted(registered)]
    near = get_close_matches(name, known, n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    more = ", ..." if len(known) > _SHOWN_NAMES else ""
    return (
        f"no algorithm is called {name[:80]!r}{hint} There are: "
        if hint
        else f"no algorithm is called {name[:80]!r}; there are: "
    ) + f"{', '.join(known[:_SHOWN_NAMES])}{more}"


DEFINITIONS = Definitions(
    collection="algorithms",
    singular="algorithm",
    type=Algorithm,
    builtin=BUILTIN,
    check=check,
    named_in=named_in,
    resolve=resolve,
)
