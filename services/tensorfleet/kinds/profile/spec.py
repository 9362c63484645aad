"""What a user may ask of a profile job."""

import math
from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from tensorfleet.kinds import spec_rules
from tensorfleet.kinds.default_resources import MEBIBYTE, DefaultResources
from tensorfleet.kinds.profile.algorithms import algorithm_rules
from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.algorithms.algorithm_rules import LARGEST_SIZE, MAX_SIZES
from tensorfleet.kinds.profile.algorithms.catalogue import BUILTIN
from tensorfleet.kinds.profile.algorithms.inputs import GENERATORS
from tensorfleet.kinds.profile.measurement import Measuring
from tensorfleet.shared.errors import FieldError, InvalidJob

__all__ = ["LARGEST_SIZE", "MAX_SERIES", "MAX_SIZES", "Spec", "check"]

MAX_SERIES = 10_000
MAX_ALGORITHMS = 1_000
MAX_REPEATS = 1_000
MAX_SEED = 2**53 - 1
"""Every reader of JSON takes it as it is."""
MAX_TIMES = 50_000
"""Times that one task takes: so many fit into its result."""

# Whatever else runs on the worker would be in the figures.
DEFAULT_RESOURCES = DefaultResources(cpus=1.0, memory_bytes=1024 * MEBIBYTE, exclusive=True)

# A function that nobody described has about as many.
_USUAL_SIZES = 6
# Of a comparison: the first algorithm, the other, and the first again.
_SIDES_OF_A_PAIR = 3
_MEASURING_LIMITS: dict[str, tuple[float, float]] = {
    "processes": (1, 1_000),
    "values": (1, 100),
    "warmups": (0, 100),
    "value_seconds": (0.0001, 60.0),
    "call_seconds": (0.001, 86_400.0),
    "series_seconds": (0.001, 604_800.0),
}
# A wrong list has as many problems as entries; these are enough to see what is wrong.
_SHOWN_PROBLEMS = 20


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A profile job's own part: each algorithm on each input is one task, with all its sizes."""

    algorithms: tuple[str | Algorithm, ...]
    """Names of built-in or registered ones, "module:function" of the job's code, or full
    descriptions."""
    compare: bool = False
    """Compares the first with each of the others, interleaved, instead of measuring each alone."""
    sizes: tuple[int, ...] = ()
    """Empty: each algorithm's own."""
    inputs: tuple[str, ...] = ()
    """Kinds of input, such as "random" and "sorted"; empty: each algorithm's first."""
    seed: int = 1
    """Of the inputs."""
    repeats: int = 1
    """So many tasks of each, on whatever workers are free."""
    measuring: Measuring = Measuring()
    auto_extend: bool = False
    """Whether a task adds sizes while it cannot tell the complexity class."""
    check_outputs: bool = True
    """Whether answers are compared: with the reference's, and in a comparison with each other."""
    environment: dict[str, str] = {}
    """Variables for the measured processes."""


def check(spec: Spec) -> None:
    """The rules that types do not express.

    Names of registered algorithms are not known here: what is asked of these is checked when their
    descriptions have taken the place of the names.

    Raises:
        InvalidJob: Some are broken; it lists all of them.
    """
    problems = spec_rules.environment_problems(spec.environment)
    problems += algorithm_rules.size_problems(spec.sizes, "spec.sizes")
    problems += _found(_number_problems(spec))
    if len(spec.algorithms) > MAX_ALGORITHMS:
        message = f"has {len(spec.algorithms):,} algorithms, at most {MAX_ALGORITHMS:,}"
        problems.append(FieldError(field="spec.algorithms", message=message))
    else:
        problems += _found(_algorithm_problems(spec))
        problems += _found(_request_problems(spec))
        problems += _found(_amount_problems(spec))
    spec_rules.raise_problems("profile", problems)


def needs_code(_spec: Spec) -> bool:
    """Built-in and registered algorithms bring their own."""
    return False


def check_code(spec: Spec, file_names: frozenset[str]) -> None:
    """Whether the functions of the job's own code can be in the code folder.

    Raises:
        InvalidJob: The folder has the package of one, but not its module.
    """
    problems = []
    for index, algorithm in enumerate(spec.algorithms):
        known = described(algorithm)
        function = known.function if known else str(algorithm)
        if ":" not in function or (known and (known.code or known.name in BUILTIN)):
            continue
        missing = spec_rules.missing_module(function, file_names)
        if missing:
            problems.append(
                FieldError(
                    field=f"spec.algorithms[{index}]",
                    message=f"{missing} is not in the code folder",
                )
            )
    if problems:
        listed = "; ".join(problem.message for problem in problems)
        raise InvalidJob(f"the module of a function is missing: {listed}", tuple(problems))


def described(algorithm: str | Algorithm) -> Algorithm | None:
    """What is known of an algorithm without the project's definitions; None: nothing."""
    return algorithm if isinstance(algorithm, Algorithm) else BUILTIN.get(algorithm)


def name_of(algorithm: str | Algorithm) -> str:
    """How an algorithm is called in messages and results."""
    return algorithm if isinstance(algorithm, str) else algorithm.name


def shared_inputs(a: Algorithm, b: Algorithm) -> tuple[str, ...]:
    """The inputs that both take; for one that does not say which it takes, all of the other's."""
    if not a.inputs or not b.inputs:
        return tuple(a.inputs or b.inputs)
    return tuple(
        name for name, generator in a.inputs.items() if _is_same(generator, b.inputs.get(name))
    )


def _is_same(generator: str, other: str | None) -> bool:
    """Whether two generators may make the same; only of built-in ones is it known."""
    if other is None:
        return False
    return generator == other or not (generator in GENERATORS and other in GENERATORS)


def _found(problems: Iterator[tuple[str, str]]) -> list[FieldError]:
    return [
        FieldError(field=f"spec.{field}", message=message)
        for field, message in islice(problems, _SHOWN_PROBLEMS)
    ]


def _number_problems(spec: Spec) -> Iterator[tuple[str, str]]:
    if not 0 <= spec.seed <= MAX_SEED:
        yield "seed", f"must be 0 to {MAX_SEED:,}"
    if not 1 <= spec.repeats <= MAX_REPEATS:
        yield "repeats", f"must be 1 to {MAX_REPEATS:,}"
    for name, (least, most) in _MEASURING_LIMITS.items():
        value = getattr(spec.measuring, name)
        if not (math.isfinite(value) and least <= value <= most):
            yield f"measuring.{name}", f"must be {least:,} to {most:,}"


def _algorithm_problems(spec: Spec) -> Iterator[tuple[str, str]]:
    least = 2 if spec.compare else 1
    if len(spec.algorithms) < least:
        yield (
            "algorithms",
            "a comparison needs at least two" if spec.compare else "name at least one algorithm",
        )
    for index, algorithm in enumerate(spec.algorithms):
        field = f"algorithms[{index}]"
        if isinstance(algorithm, Algorithm):
            for problem in algorithm_rules.problems(algorithm, f"{field}."):
                yield problem.field, problem.message
        elif ":" in algorithm and not algorithm_rules.is_function(algorithm):
            yield field, f'{algorithm[:80]!r} is not of the form "module:function"'
        elif ":" not in algorithm and not algorithm_rules.NAME_PATTERN.fullmatch(algorithm):
            yield field, f"{algorithm[:80]!r} is not an algorithm's name"
    # A comparison of an algorithm with itself shows the noise; with another's code, a change.
    compared = spec.algorithms[1:] if spec.compare else spec.algorithms
    offset = len(spec.algorithms) - len(compared)
    again = _repeated(compared) if spec.compare else _repeated([name_of(a) for a in compared])
    for index in again:
        yield (
            f"algorithms[{index + offset}]",
            f"{name_of(compared[index])[:80]!r} stands twice; use repeats to measure it again",
        )


def _request_problems(spec: Spec) -> Iterator[tuple[str, str]]:
    """Inputs and sizes that an algorithm does not take, as far as it is known."""
    if len(spec.inputs) > algorithm_rules.MAX_INPUTS:
        yield "inputs", f"has {len(spec.inputs):,} inputs, at most {algorithm_rules.MAX_INPUTS}"
        return
    for index in _repeated(spec.inputs):
        yield f"inputs[{index}]", f"{spec.inputs[index][:80]!r} stands twice"
    for index, name in enumerate(spec.inputs):
        if not algorithm_rules.INPUT_PATTERN.fullmatch(name):
            yield f"inputs[{index}]", f"{name[:80]!r} is not an input's name"
    for algorithm in spec.algorithms:
        known = described(algorithm)
        if known is None:
            continue
        for index, name in enumerate(spec.inputs):
            if known.inputs and name not in known.inputs:
                listed = ", ".join(known.inputs)
                yield f"inputs[{index}]", f"{known.name} has no input {name[:80]!r}, but: {listed}"
        for index, size in enumerate(spec.sizes[:MAX_SIZES]):
            if known.max_size and size > known.max_size:
                yield (
                    f"sizes[{index}]",
                    f"{size:,} is too large for {known.name}, whose limit is {known.max_size:,}",
                )
    if spec.compare and spec.algorithms:
        yield from _pair_problems(spec)


def _pair_problems(spec: Spec) -> Iterator[tuple[str, str]]:
    first = described(spec.algorithms[0])
    for index, algorithm in enumerate(spec.algorithms[1:], start=1):
        other = described(algorithm)
        if first is None or other is None or not (first.inputs and other.inputs):
            continue
        shared = shared_inputs(first, other)
        if not shared:
            yield (
                f"algorithms[{index}]",
                f"{other.name} takes other inputs than {first.name}: they cannot be compared",
            )
        for place, name in enumerate(spec.inputs):
            if shared and name in first.inputs and name in other.inputs and name not in shared:
                yield (
                    f"inputs[{place}]",
                    f"{first.name} and {other.name} mean different things by {name!r}",
                )


def _amount_problems(spec: Spec) -> Iterator[tuple[str, str]]:
    rows = len(spec.algorithms) - (1 if spec.compare else 0)
    tasks = rows * max(1, len(spec.inputs)) * spec.repeats
    if tasks > MAX_SERIES:
        yield "algorithms", f"would make {tasks:,} tasks, at most {MAX_SERIES:,}"
    sizes = len(spec.sizes) or max(
        (len(known.sizes) for known in map(described, spec.algorithms) if known), default=0
    )
    times = (sizes or _USUAL_SIZES) * spec.measuring.processes * spec.measuring.values
    times *= _SIDES_OF_A_PAIR if spec.compare else 1
    if times > MAX_TIMES:
        yield (
            "measuring",
            f"each task would take {times:,} times, at most {MAX_TIMES:,}: use fewer processes, "
            "values or sizes",
        )


def _repeated(values: Sequence[object]) -> list[int]:
    """Places of what stood before already."""
    return [index for index, value in enumerate(values) if value in values[:index]]
