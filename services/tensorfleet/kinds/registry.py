"""Finds the rooms of kinds: the built-in ones and those that other distributions install."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import msgspec

from tensorfleet.kinds.default_resources import DefaultResources
from tensorfleet.kinds.outcome import ProducedOutput, Shortfall
from tensorfleet.kinds.task_plan import TaskPlan
from tensorfleet.shared.errors import FieldError, InvalidJob, UnknownKind

ENTRY_POINT_GROUP = "tensorfleet.kinds"

# msgspec writes where it was as "... - at `$.params[0]`".
_LOCATION = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job, by its room. Its modules are imported at first use."""

    name: str
    room: str
    """The package that holds the room."""

    def parse_spec(self, document: Mapping[str, Any]) -> Any:
        """The kind's own part of a job, checked.

        Raises:
            InvalidJob: It does not fit; `fields` says where, with paths that begin with "spec".
        """
        spec_module = import_module(f"{self.room}.spec")
        try:
            spec = msgspec.convert(document, spec_module.Spec)
        except msgspec.ValidationError as exc:
            raise _wrong_spec(self.name, str(exc)) from exc
        spec_module.check(spec)
        return spec

    def check_code(self, spec: Any, file_names: frozenset[str]) -> None:
        """Whether the spec fits the code folder with these files.

        Raises:
            InvalidJob: It does not, for instance because the entrypoint is not among them.
        """
        import_module(f"{self.room}.spec").check_code(spec, file_names)

    def needs_code(self, spec: Any) -> bool:
        """Whether a job with this spec cannot run without a code folder."""
        return bool(import_module(f"{self.room}.spec").needs_code(spec))

    def plan(self, spec: Any) -> tuple[TaskPlan, ...]:
        """The tasks of a job, at least one."""
        tasks: tuple[TaskPlan, ...] = import_module(f"{self.room}.plan").plan(spec)
        return tasks

    def judge(self, spec: Any, outputs: tuple[ProducedOutput, ...]) -> Shortfall | None:
        """What a task that exited well still owes, or None when it kept its promises."""
        shortfall: Shortfall | None = import_module(f"{self.room}.result").judge(spec, outputs)
        return shortfall

    @property
    def default_resources(self) -> DefaultResources:
        """What each task needs when the job does not say."""
        spec_module = import_module(f"{self.room}.spec")
        default: DefaultResources = getattr(spec_module, "DEFAULT_RESOURCES", DefaultResources())
        return default

    def run(self, plan: TaskPlan, code_folder: Path | None) -> None:
        """Does a task's work in the present process; returns, raises or exits like a program."""
        import_module(f"{self.room}.run").run(plan, code_folder)

    def serve(self, code_folder: Path | None) -> Callable[[dict[str, Any]], Any]:
        """Readies the present process for many tasks; returns what runs one, given its payload.

        Only for kinds whose plans share processes. The function's answer is the task's result, to
        be written as JSON; what it raises is the task's failure.
        """
        serving: Callable[[dict[str, Any]], Any]
        serving = import_module(f"{self.room}.run").serve(code_folder)
        return serving


@cache
def _rooms() -> dict[str, str]:
    return {entry.name: entry.value for entry in entry_points(group=ENTRY_POINT_GROUP)}


def kind_names() -> list[str]:
    """Every kind that is installed here, sorted."""
    return sorted(_rooms())


def find_kind(name: str) -> Kind:
    """The kind of this name.

    Raises:
        UnknownKind: None has it; the message lists those that exist.
    """
    room = _rooms().get(name)
    if room is None:
        message = f"no kind of job is called {name[:80]!r}; there are: {', '.join(kind_names())}"
        raise UnknownKind(message, (FieldError(field="kind", message=message),))
    return Kind(name, room)


def _wrong_spec(kind: str, text: str) -> InvalidJob:
    located = _LOCATION.search(text)
    inner = located.group("path") if located else ""
    problem = text[: located.start()] if located else text
    field = f"spec.{inner}" if inner else "spec"
    return InvalidJob(
        f"the spec of this {kind} job is wrong: {field}: {problem}",
        (FieldError(field=field, message=problem),),
    )
