"""Finds the rooms of kinds: the built-in ones and those that other distributions install."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from tensorfleet.kinds.default_resources import DefaultResources
from tensorfleet.kinds.definitions import Definitions
from tensorfleet.kinds.outcome import ProducedOutput, Shortfall
from tensorfleet.kinds.task_place import TaskPlace
from tensorfleet.kinds.task_plan import TaskPlan
from tensorfleet.kinds.task_result import TaskResult
from tensorfleet.shared.errors import (
    FieldError,
    InvalidInput,
    InvalidJob,
    NotFound,
    UnknownKind,
)

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

    def needs_gang(self, spec: Any) -> bool:
        """Whether the tasks of a job with this spec, if they are several, must run together.

        A room whose tasks meet each other has `needs_gang` in its `spec`.
        """
        asked = getattr(import_module(f"{self.room}.spec"), "needs_gang", None)
        return asked is not None and bool(asked(spec))

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

    def run(self, plan: TaskPlan, place: TaskPlace) -> Any:
        """Does a task's work in the present process; returns, raises or exits like a program.

        What it returns, unless it is None, is the task's result, to be written as JSON.
        """
        return import_module(f"{self.room}.run").run(plan, place)

    def serve(self, code_folder: Path | None) -> Callable[[dict[str, Any]], Any]:
        """Readies the present process for many tasks; returns what runs one, given its payload.

        Only for kinds whose plans share processes. The function's answer is the task's result, to
        be written as JSON; what it raises is the task's failure.
        """
        serving: Callable[[dict[str, Any]], Any]
        serving = import_module(f"{self.room}.run").serve(code_folder)
        return serving

    @property
    def definitions(self) -> Definitions | None:
        """What specs of this kind may name, such as algorithms; None when there is no such thing.

        A room that has it has a module `definitions` with `DEFINITIONS`.
        """
        module = _optional_module(self.room, "definitions")
        found: Definitions | None = None if module is None else module.DEFINITIONS
        return found

    @property
    def forms(self) -> Mapping[str, type[msgspec.Struct]]:
        """Shorter requests that become jobs of this kind, by the name of their REST path.

        Each has a method `to_job` that returns a job's document. A room that has some has a
        module `forms` with `FORMS`.
        """
        module = _optional_module(self.room, "forms")
        found: Mapping[str, type[msgspec.Struct]] = {} if module is None else module.FORMS
        return found

    def rows(self, spec: Any, results: Sequence[TaskResult]) -> list[dict[str, Any]]:
        """A table of what the tasks gave: flat values, the same columns in every row.

        A room without a `rows` of its own shows one row a task.
        """
        rows = getattr(import_module(f"{self.room}.result"), "rows", _plain_rows)
        table: list[dict[str, Any]] = rows(spec, results)
        return table

    def report(
        self,
        spec: Any,
        results: Sequence[TaskResult],
        baseline: Sequence[TaskResult] | None,
        options: Mapping[str, str],
    ) -> dict[str, Any]:
        """What the results mean, ready for JSON; empty for a room without a module `report`.

        Args:
            baseline: The results of another job of this kind to compare with.
            options: What else was asked, by the room's own names.

        Raises:
            InvalidInput: An option is unknown or wrong.
        """
        module = _optional_module(self.room, "report")
        found: dict[str, Any] = {}
        if module is not None:
            found = module.report(spec, results, baseline, options)
        elif baseline is not None or options:
            message = f"results of {self.name} jobs have no options, and no baseline"
            raise InvalidInput(message)
        return found

    @property
    def plots(self) -> Mapping[str, str]:
        """Names of the pictures that can be drawn of results, each with what it shows."""
        module = _optional_module(self.room, "plots")
        found: Mapping[str, str] = {} if module is None else module.PLOTS
        return found

    def plot(
        self,
        name: str,
        spec: Any,
        results: Sequence[TaskResult],
        file_format: str,
        options: Mapping[str, str],
    ) -> bytes:
        """A picture of results, as "png" or "svg".

        Raises:
            NotFound: There is no plot of this name.
            InvalidInput: An option is unknown or wrong, or the results cannot be drawn.
        """
        if name not in self.plots:
            known = ", ".join(self.plots) or "none"
            raise NotFound(f"{self.name} jobs have no plot {name[:80]!r}; there are: {known}")
        picture: bytes = import_module(f"{self.room}.plots").plot(
            name, spec, results, file_format, options
        )
        return picture


# Kept, as every job that is created asks, and looking for what is not there takes long.
@cache
def _optional_module(room: str, module: str) -> ModuleType | None:
    name = f"{room}.{module}"
    return import_module(name) if find_spec(name) is not None else None


def _plain_rows(_spec: Any, results: Sequence[TaskResult]) -> list[dict[str, Any]]:
    return [
        {
            "task": result.index,
            "state": result.state,
            "result": result.value,
            "worker": result.worker,
            "timestamp": None if result.ended_at is None else result.ended_at.isoformat(),
            "message": result.message,
        }
        for result in results
    ]


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
