"""What a user may ask of a command job."""

import msgspec

from tensorfleet.kinds import spec_rules
from tensorfleet.shared.errors import FieldError

MAX_COUNT = 100_000


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command job's own part."""

    command: str | tuple[str, ...]
    """A line for the shell, or the program and its arguments."""
    datasets: tuple[str, ...] = ()
    """Datasets to have below $TENSORFLEET_DATASETS_DIR/<name>: "name" or "name:version"."""
    environment: dict[str, str] = {}
    """Variables for its process."""
    count: int = 1
    """So many tasks run it, each with its $TENSORFLEET_TASK_INDEX of $TENSORFLEET_TASK_COUNT."""


def check(spec: Spec) -> None:
    """The rules that types do not express.

    Raises:
        InvalidJob: Some are broken; it lists all of them.
    """
    problems = spec_rules.dataset_problems(spec.datasets)
    problems += spec_rules.environment_problems(spec.environment)
    words = (spec.command,) if isinstance(spec.command, str) else spec.command
    if not words or not words[0].strip():
        problems.append(FieldError(field="spec.command", message="must not be empty"))
    if any("\0" in word for word in words):
        problems.append(FieldError(field="spec.command", message="must not contain a zero byte"))
    if not 1 <= spec.count <= MAX_COUNT:
        problems.append(FieldError(field="spec.count", message=f"must be 1 to {MAX_COUNT:,}"))
    spec_rules.raise_problems("command", problems)


def needs_code(_spec: Spec) -> bool:
    """A command may be a program that the worker already has."""
    return False


def check_code(_spec: Spec, _file_names: frozenset[str]) -> None:
    """Any folder will do: what a command line reads cannot be told from outside."""
