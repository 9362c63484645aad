"""How cases are found."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tensorfleet.kinds.loadtest.cases.bubble_sort import BubbleSort
from tensorfleet.kinds.loadtest.cases.case import LoadCase
from tensorfleet.kinds.loadtest.cases.fibonacci import Fibonacci
from tensorfleet.kinds.loadtest.cases.loader import listed_cases, load_case
from tensorfleet.shared.errors import InvalidInput

CASES = '''
from tensorfleet.kinds.loadtest.cases.case import LoadCase

class Good(LoadCase):
    """Logs in, then asks."""
    async def run(self, load): return None

class Unfinished(LoadCase):
    pass

class NoCase:
    pass

def function(): pass
'''


@pytest.fixture
def code_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "cases_for_loader.py").write_text(CASES)
    (tmp_path / "raises_for_loader.py").write_text("1 / 0")
    (tmp_path / "needs_for_loader.py").write_text("import nowhere_to_be_found")
    yield tmp_path
    for name in [name for name in sys.modules if name.endswith("_for_loader")]:
        del sys.modules[name]


def test_built_in_cases_have_names() -> None:
    assert load_case("fibonacci") is Fibonacci
    assert load_case("bubble-sort") is BubbleSort


@pytest.mark.parametrize(("case", "path"), [(Fibonacci, "/fibonacci/"), (BubbleSort, "/bubble")])
def test_built_in_cases_ask_for_the_load(
    case: type[Fibonacci] | type[BubbleSort], path: str
) -> None:
    (step,) = case().steps()
    assert step.path.startswith(path)
    assert step.path.endswith("${load}")


def test_own_case_is_found_in_the_code_folder(code_folder: Path) -> None:
    case = load_case("cases_for_loader:Good", code_folder)
    assert issubclass(case, LoadCase)
    assert case.__name__ == "Good"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("fibonaci", "did you mean fibonacci"),
        ("zzz", "there are: bubble-sort, fibonacci"),
        ("nowhere_to_be_found:Case", "there is no module nowhere_to_be_found"),
        (":Case", "module:Class"),
        ("cases_for_loader:", "module:Class"),
        ("cases_for_loader:Missing", "has no Missing"),
        ("cases_for_loader:NoCase", "is no case"),
        ("cases_for_loader:function", "is no case"),
        ("cases_for_loader:Unfinished", "does not define run"),
        ("raises_for_loader:Case", "raised ZeroDivisionError"),
        ("needs_for_loader:Case", "needs the module nowhere_to_be_found"),
    ],
)
def test_wrong_case_is_refused_with_what_is_wrong(code_folder: Path, name: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        load_case(name, code_folder)


def test_list_tells_names_and_descriptions() -> None:
    listed = {case.name: case for case in listed_cases()}
    assert list(listed) == sorted(listed)
    assert listed["fibonacci"].description.startswith("GET /fibonacci/LOAD")
    assert listed["fibonacci"].place == "tensorfleet.kinds.loadtest.cases.fibonacci:Fibonacci"


def test_case_that_cannot_be_used_is_listed_with_its_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "broken_cases-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Name: broken-cases\nVersion: 1\n")
    (package / "entry_points.txt").write_text(
        "[tensorfleet.loadtest_cases]\nbroken = nowhere_to_be_found:Case\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    listed = {case.name: case for case in listed_cases()}
    assert not listed["broken"].is_usable
    assert "there is no module" in listed["broken"].description
    assert listed["fibonacci"].is_usable
