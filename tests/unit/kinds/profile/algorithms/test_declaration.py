"""The decorator leaves a function as it is, and says what another machine must know."""

import functools
import sys
from pathlib import Path
from typing import Any

import pytest

import tensorfleet
from tensorfleet.kinds.profile.algorithms.algorithm import ALGORITHM_ATTRIBUTE, Algorithm
from tensorfleet.kinds.profile.algorithms.declaration import Declaration, algorithm, describe
from tensorfleet.kinds.profile.definitions import check
from tensorfleet.shared.errors import InvalidInput


def pairs(size: int, seed: int) -> tuple[list[tuple[int, int]]]:
    return ([(seed, number) for number in range(size)],)


@algorithm(
    name="my_sort",
    inputs={"random": "random", "pairs": pairs},
    sizes=[10, 20],
    max_size=1000,
    expected="n^2",
    reference=sorted,
    tolerance=1e-9,
    requires=["json"],
)
def own_sort(values: list[int]) -> list[int]:
    """Sorts in its own way.

    Slowly.
    """
    return sorted(values)


@algorithm
def plain(values: list[int]) -> int:
    return len(values)


@algorithm(inputs=("sorted", "random"), expected={"sorted": "1"})
def sized(values: list[int]) -> int:
    return len(values)


class Shelf:
    @staticmethod
    @algorithm
    def first(values: list[int]) -> int:
        return values[0]


def refusal(**fields: Any) -> InvalidInput:
    def function(values: list[int]) -> list[int]:
        return values

    with pytest.raises(InvalidInput) as raised:
        algorithm(**fields)(function)
    assert not hasattr(function, ALGORITHM_ATTRIBUTE)
    return raised.value


def test_it_is_part_of_the_public_surface() -> None:
    assert tensorfleet.algorithm is algorithm
    assert "algorithm" in tensorfleet.__all__


def test_the_function_stays_what_it_was() -> None:
    assert own_sort([2, 1]) == [1, 2]
    assert own_sort.__name__ == "own_sort"
    assert plain([1, 2]) == 2
    assert isinstance(getattr(plain, ALGORITHM_ATTRIBUTE), Declaration)


def test_a_description_names_everything_as_another_machine_finds_it() -> None:
    here = __name__
    described = describe(own_sort)
    assert described == Algorithm(
        name="my_sort",
        function=f"{here}:own_sort",
        inputs={"random": "random", "pairs": f"{here}:pairs"},
        sizes=(10, 20),
        max_size=1000,
        expected={"random": "n²", "pairs": "n²"},
        reference="builtins:sorted",
        tolerance=1e-9,
        requires=("json",),
        description="Sorts in its own way.",
    )
    check(described)


def test_what_is_not_said_is_left_to_whoever_loads_it() -> None:
    assert describe(plain) == Algorithm(name="plain", function=f"{__name__}:plain")
    assert describe(sized).inputs == {"sorted": "sorted", "random": "random"}
    assert describe(sized).expected == {"sorted": "1"}
    assert describe(Shelf.first).function == f"{__name__}:Shelf.first"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "My Sort"}, "name"),
        ({"name": "quick_sort"}, "name"),
        ({"sizes": [0]}, "sizes[0]"),
        ({"sizes": [5, 5]}, "sizes[1]"),
        ({"sizes": [50], "max_size": 10}, "sizes[0]"),
        ({"max_size": -1}, "max_size"),
        ({"expected": "n^4"}, "expected.random"),
        ({"expected": {"sorted": "n"}}, "expected.sorted"),
        ({"inputs": ("shuffled",)}, "inputs.shuffled"),
        ({"inputs": "random"}, "inputs"),
        ({"inputs": {"random": 5}}, "inputs.random"),
        ({"reference": 5}, "reference"),
        ({"reference": "sorted"}, "reference"),
        ({"tolerance": 2.0}, "tolerance"),
        ({"tolerance": float("nan")}, "tolerance"),
        ({"requires": "sklearn"}, "requires"),
        ({"requires": ["scikit-learn"]}, "requires[0]"),
    ],
)
def test_a_wrong_declaration_names_its_field(fields: dict[str, Any], field: str) -> None:
    assert [problem.field for problem in refusal(**fields).fields] == [field]


def test_a_function_that_takes_no_mark_is_refused() -> None:
    with pytest.raises(InvalidInput, match="declare a Python function that calls it"):
        algorithm(name="builtin_sum")(sum)


def test_what_another_machine_cannot_import_is_refused() -> None:
    @algorithm
    def local(values: list[int]) -> list[int]:
        return values

    with pytest.raises(InvalidInput, match="define it at the top of a module"):
        describe(local)

    for fields in ({"inputs": {"own": lambda size, _: (size,)}}, {"reference": lambda x: x}):

        def half_named(values: list[int]) -> list[int]:
            return values

        half_named.__qualname__ = "half_named"
        globals()["half_named"] = algorithm(**fields)(half_named)
        with pytest.raises(InvalidInput, match="<lambda> cannot be imported by name"):
            describe(half_named)
        del globals()["half_named"]


def test_a_function_of_the_running_script_must_move_to_a_module(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @algorithm
    def scripted(values: list[int]) -> list[int]:
        return values

    scripted.__qualname__ = "scripted"
    monkeypatch.setattr(scripted, "__module__", "__main__")
    with pytest.raises(InvalidInput, match="move it into a module"):
        describe(scripted)


def test_a_name_that_means_another_thing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "unit_two_names.py").write_text(
        "import tensorfleet\n"
        "@tensorfleet.algorithm\n"
        "def twice(values): return values\n"
        "first = twice\n"
        "def twice(values): return None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import unit_two_names  # type: ignore[import-not-found]

    with pytest.raises(InvalidInput, match="another thing"):
        describe(unit_two_names.first)
    del sys.modules["unit_two_names"]


def test_a_function_without_decorator_has_no_description() -> None:
    with pytest.raises(InvalidInput, match=r"is not decorated with @tensorfleet\.algorithm"):
        describe(pairs)


def test_a_wrapper_keeps_the_declaration() -> None:
    @functools.wraps(plain)
    def wrapped(values: list[int]) -> int:
        return plain(values)

    assert getattr(wrapped, ALGORITHM_ATTRIBUTE).name == "plain"
