"""Finds cases: built-in ones, those of other distributions, and those of the code folder."""

import importlib
import sys
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from importlib.metadata import EntryPoint, entry_points
from inspect import getdoc, isabstract, isclass
from pathlib import Path
from typing import Any

from tensorfleet.kinds.loadtest.cases.case import LoadCase, StepsCase
from tensorfleet.shared.errors import InvalidInput

ENTRY_POINT_GROUP = "tensorfleet.loadtest_cases"

CaseClass = type[LoadCase] | type[StepsCase]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCase:
    """A case that has a name."""

    name: str
    place: str
    """ "module:Class"."""
    description: str
    """The first sentence of its docstring; of one that cannot be used, why."""
    is_usable: bool = True


def load_case(name: str, code_folder: Path | None = None) -> CaseClass:
    """The class of a case: by its name, or "module:Class" of the code folder (or anything else that
    can be imported). Runs the module's code.

    Raises:
        InvalidInput: There is no such case, it cannot be imported, or it is none.
    """
    if ":" in name:
        if code_folder is not None and str(code_folder) not in sys.path:
            sys.path.insert(0, str(code_folder))
        return _checked(f"the case {name}", _imported(name))
    named = {point.name: point for point in _entry_points()}
    if name not in named:
        near = get_close_matches(name, named, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InvalidInput(
            f"no case is called {name[:80]!r}{hint} There are: {', '.join(sorted(named))}; one of "
            'your own is "module:Class"'
            if hint
            else f"no case is called {name[:80]!r}; there are: {', '.join(sorted(named))}; one of "
            'your own is "module:Class"'
        )
    return _checked(f"the case {name}", _imported(named[name].value))


def listed_cases() -> list[ListedCase]:
    """Every case that has a name, in the order of names; a broken one is told as such."""
    found = []
    for point in sorted(_entry_points(), key=lambda point: point.name):
        try:
            case = _checked(f"the case {point.name}", _imported(point.value))
        except InvalidInput as exc:
            description, is_usable = str(exc), False
        else:
            description, is_usable = _description(case), True
        found.append(
            ListedCase(
                name=point.name, place=point.value, description=description, is_usable=is_usable
            )
        )
    return found


def _entry_points() -> list[EntryPoint]:
    return list(entry_points(group=ENTRY_POINT_GROUP))


def _imported(place: str) -> Any:
    module_name, _, path = place.partition(":")
    if not module_name or not path:
        raise InvalidInput(f'the case {place!r} is not of the form "module:Class"')
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as exc:
        if exc.name is not None and f"{module_name}.".startswith(f"{exc.name}."):
            raise InvalidInput(
                f"the case {place}: there is no module {exc.name}, neither in the code folder nor "
                "installed"
            ) from exc
        raise InvalidInput(
            f"the case {place}: importing {module_name} needs the module {exc.name}, which is not "
            "there"
        ) from exc
    except Exception as exc:
        raise InvalidInput(
            f"the case {place}: importing {module_name} raised {type(exc).__name__}: {exc}"
        ) from exc
    try:
        return reduce(getattr, path.split("."), module)
    except AttributeError as exc:
        raise InvalidInput(f"the case {place}: {module_name} has no {path}") from exc


def _checked(what: str, found: Any) -> CaseClass:
    if not isclass(found) or not issubclass(found, LoadCase | StepsCase):
        raise InvalidInput(
            f"{what} is no case: it must be a class derived from "
            "tensorfleet.kinds.loadtest.cases.case.LoadCase (or StepsCase)"
        )
    if isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise InvalidInput(f"{what} cannot be used: it does not define {missing}")
    case: CaseClass = found
    return case


def _description(case: CaseClass) -> str:
    # A class without a docstring inherits that of the base class, which tells nothing of it.
    text = (getdoc(case) or "") if case.__doc__ else ""
    return " ".join(text.split("\n\n")[0].split())
