"""What the description of an algorithm must be like."""

import math
import re
from collections.abc import Iterator

import msgspec

from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.algorithms.catalogue import BUILTIN
from tensorfleet.kinds.profile.algorithms.complexity_class import CLASSES, canonical
from tensorfleet.kinds.profile.algorithms.inputs import GENERATORS
from tensorfleet.kinds.spec_rules import FUNCTION_PATTERN, MODULE_PATTERN
from tensorfleet.shared.errors import FieldError

MAX_SIZES = 64
LARGEST_SIZE = 10**12
MAX_INPUTS = 32
MAX_REQUIRED = 32
MAX_DESCRIPTION = 2_000

NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]{0,63}")
INPUT_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

_CODE_PATTERN = re.compile(r"[0-9a-f]{64}")
# A wrong list has as many problems as entries; these are enough to see what is wrong.
_SHOWN_PROBLEMS = 20


def is_function(text: str) -> bool:
    """Whether a text is of the form "module:function"."""
    return FUNCTION_PATTERN.fullmatch(text) is not None


def problems(algorithm: Algorithm, prefix: str = "") -> list[FieldError]:
    """All that is wrong with a description; `prefix` begins the fields' paths, as "spec.x."."""
    return [
        FieldError(field=f"{prefix}{field}", message=message)
        for field, message in _problems(algorithm)
    ]


def size_problems(sizes: tuple[int, ...], field: str) -> list[FieldError]:
    """Sizes that cannot be."""
    found = []
    if len(sizes) > MAX_SIZES:
        found.append(
            FieldError(field=field, message=f"has {len(sizes):,} sizes, at most {MAX_SIZES}")
        )
    seen: set[int] = set()
    for index, size in enumerate(sizes[:MAX_SIZES]):
        message = ""
        if size < 1:
            message = f"is {size}: sizes begin at 1"
        elif size > LARGEST_SIZE:
            message = f"is more than {LARGEST_SIZE:,}"
        elif size in seen:
            message = f"{size:,} stands twice"
        seen.add(size)
        if message:
            found.append(FieldError(field=f"{field}[{index}]", message=message))
    return found[:_SHOWN_PROBLEMS]


def with_canonical_classes(algorithm: Algorithm) -> Algorithm:
    """The same with its expected classes in the one spelling: "n²" for "n^2"."""
    expected = {name: canonical(text) or text for name, text in algorithm.expected.items()}
    return msgspec.structs.replace(algorithm, expected=expected)


def _problems(algorithm: Algorithm) -> Iterator[tuple[str, str]]:
    if is_function(algorithm.name):
        # A function that nobody registered goes by its own name.
        if algorithm.name != algorithm.function:
            yield "name", f"is another function than {algorithm.function[:80]}"
    elif not NAME_PATTERN.fullmatch(algorithm.name):
        yield (
            "name",
            f"{algorithm.name[:80]!r} is not allowed: use 1 to 64 of a-z, 0-9 and _, beginning "
            "with a letter",
        )
    elif algorithm.name in BUILTIN and BUILTIN[algorithm.name].function != algorithm.function:
        # With the same function it is a built-in one that took the place of its name in a job.
        yield "name", f"{algorithm.name} is built in: choose another name"
    if not is_function(algorithm.function):
        yield "function", f'{algorithm.function[:80]!r} is not of the form "module:function"'
    if algorithm.code and not _CODE_PATTERN.fullmatch(algorithm.code):
        yield "code", "is not the id of an artifact: 64 hexadecimal digits"
    yield from _input_problems(algorithm)
    for problem in size_problems(algorithm.sizes, "sizes"):
        yield problem.field, problem.message
    yield from _limit_problems(algorithm)
    if algorithm.reference and not is_function(algorithm.reference):
        yield "reference", f'{algorithm.reference[:80]!r} is not of the form "module:function"'
    if not (math.isfinite(algorithm.tolerance) and 0 <= algorithm.tolerance <= 1):
        yield "tolerance", "must be 0 to 1"
    if len(algorithm.requires) > MAX_REQUIRED:
        yield "requires", f"has {len(algorithm.requires):,} modules, at most {MAX_REQUIRED}"
    for index, module in enumerate(algorithm.requires[:MAX_REQUIRED]):
        if not MODULE_PATTERN.fullmatch(module):
            yield f"requires[{index}]", f"{module[:80]!r} is not a module's name"
    if len(algorithm.description) > MAX_DESCRIPTION:
        yield "description", f"is longer than {MAX_DESCRIPTION:,} characters"


def _input_problems(algorithm: Algorithm) -> Iterator[tuple[str, str]]:
    if len(algorithm.inputs) > MAX_INPUTS:
        yield "inputs", f"has {len(algorithm.inputs):,} inputs, at most {MAX_INPUTS}"
        return
    for name, generator in algorithm.inputs.items():
        field = f"inputs.{name[:80]}"
        if not INPUT_PATTERN.fullmatch(name):
            yield field, 'is not allowed: use 1 to 64 letters, digits, ".", "_" or "-"'
        if generator not in GENERATORS and not is_function(generator):
            yield (
                field,
                f'{generator[:80]!r} is neither "module:function" nor a built-in generator; these '
                f"are: {', '.join(GENERATORS)}",
            )
    for name, growth in list(algorithm.expected.items())[: MAX_INPUTS + 1]:
        field = f"expected.{name[:80]}"
        if name not in (algorithm.inputs or {"random": ""}):
            yield field, "is none of its inputs"
        if canonical(growth) is None:
            yield field, f"{growth[:40]!r} is no known class; these are: {', '.join(CLASSES)}"


def _limit_problems(algorithm: Algorithm) -> Iterator[tuple[str, str]]:
    limit = algorithm.max_size
    if not 0 <= limit <= LARGEST_SIZE:
        yield "max_size", f"must be 1 to {LARGEST_SIZE:,}, or 0 for no limit"
    elif limit:
        for index, size in enumerate(algorithm.sizes[:MAX_SIZES]):
            if size > limit:
                yield f"sizes[{index}]", f"{size:,} is more than max_size, {limit:,}"
