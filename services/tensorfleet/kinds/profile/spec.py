"""What a user may ask of a profile job."""

import msgspec

from tensorfleet.kinds import spec_rules
from tensorfleet.kinds.default_resources import MEBIBYTE, DefaultResources
from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.measurement import Measuring
from tensorfleet.shared.errors import FieldError

MAX_SERIES = 10_000
MAX_SIZES = 64
LARGEST_SIZE = 10**12

# Whatever else runs on the worker would be in the figures.
DEFAULT_RESOURCES = DefaultResources(cpus=1.0, memory_bytes=1024 * MEBIBYTE, exclusive=True)


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

    Raises:
        InvalidJob: Some are broken; it lists all of them.
    """
    problems: list[FieldError] = spec_rules.environment_problems(spec.environment)
    spec_rules.raise_problems("profile", problems)


def needs_code(_spec: Spec) -> bool:
    """Built-in and registered algorithms bring their own."""
    return False


def check_code(_spec: Spec, _file_names: frozenset[str]) -> None:
    """Whether the functions of the job's own code can be in the code folder.

    Raises:
        InvalidJob: One cannot.
    """
