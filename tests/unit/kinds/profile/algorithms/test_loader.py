"""From a description to functions; what is missing is said."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.algorithms.catalogue import BUILTIN
from tensorfleet.kinds.profile.algorithms.loader import DEFAULT_SIZES, AlgorithmMissing, load

MODULE = """
import tensorfleet

def right(values): return sorted(values)
def own(size, seed): return ([seed] * size,)
def bare(size, seed): return [seed] * size

@tensorfleet.algorithm(
    name="declared_sort", inputs={"own": own, "sorted": "sorted"}, sizes=(3, 5), max_size=99,
    expected="n**2", reference=right, tolerance=0.5, requires=("json",), description="Declared.",
)
def declared(values): return sorted(values)

def silent(values): return sorted(values)

class Shelf:
    @staticmethod
    def sort(values): return sorted(values)

@tensorfleet.algorithm(requires=("no_such_module",))
def needy(values): return values

number = 5
"""


@pytest.fixture(autouse=True)
def code_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "unit_loaded.py").write_text(MODULE)
    (tmp_path / "unit_broken.py").write_text("raise RuntimeError('no luck')\n")
    (tmp_path / "unit_needs.py").write_text("import no_such_module\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("unit_loaded", "unit_broken", "unit_needs"):
        sys.modules.pop(name, None)


def named(function: str, **fields: object) -> Algorithm:
    return Algorithm(name=function, function=function, **fields)  # type: ignore[arg-type]


def test_a_function_that_says_nothing_sorts_whole_numbers_by_default() -> None:
    loaded = load(named("unit_loaded:silent"))
    assert list(loaded.generators) == ["random"]
    assert loaded.arguments("", 5, 1) == load(BUILTIN["quick_sort"]).arguments("random", 5, 1)
    assert loaded.algorithm.sizes == DEFAULT_SIZES
    assert loaded.reference is None
    assert loaded.algorithm.name == "unit_loaded:silent"


def test_a_declaration_stands_where_the_description_is_silent() -> None:
    loaded = load(named("unit_loaded:declared"))
    assert loaded.algorithm == Algorithm(
        name="unit_loaded:declared",
        function="unit_loaded:declared",
        inputs={"own": "unit_loaded:own", "sorted": "sorted"},
        sizes=(3, 5),
        max_size=99,
        expected={"own": "n²", "sorted": "n²"},
        reference="unit_loaded:right",
        tolerance=0.5,
        requires=("json",),
        description="Declared.",
    )
    assert loaded.arguments("", 2, 7) == ([7, 7],)
    assert loaded.reference is not None
    assert loaded.reference([2, 1]) == [1, 2]


def test_what_the_description_says_wins() -> None:
    loaded = load(
        named(
            "unit_loaded:declared",
            inputs={"mine": "unit_loaded:own"},
            sizes=(8,),
            max_size=9,
            expected={"mine": "n^3"},
            reference="builtins:len",
            tolerance=0.25,
        )
    )
    assert list(loaded.generators) == ["mine"]
    assert (loaded.algorithm.sizes, loaded.algorithm.max_size) == ((8,), 9)
    assert loaded.algorithm.expected == {"mine": "n³"}
    assert loaded.reference is len
    assert loaded.algorithm.tolerance == 0.25


def test_a_built_in_algorithm_is_what_its_description_says() -> None:
    for algorithm in BUILTIN.values():
        assert load(algorithm).algorithm == algorithm


def test_functions_within_classes_are_found() -> None:
    assert load(named("unit_loaded:Shelf.sort")).function([2, 1]) == [1, 2]


@pytest.mark.parametrize(
    ("algorithm", "message"),
    [
        (named("no_such_module:f"), "no module no_such_module, neither in the code folder"),
        (named("json.no_such:f"), "there is no module json.no_such"),
        (named("unit_needs:f"), "importing unit_needs needs the module no_such_module"),
        (named("unit_broken:f"), "importing unit_broken raised RuntimeError: no luck"),
        (named("unit_loaded:missing"), "unit_loaded has no missing"),
        (named("unit_loaded:Shelf.missing"), "unit_loaded has no Shelf.missing"),
        (named("unit_loaded:number"), "cannot be called: it is a int"),
        (named("plain"), 'not of the form "module:function"'),
        (named("unit_loaded:needy"), "needs no_such_module, which is not installed"),
        (named("unit_loaded:silent", requires=("no_such.inner",)), "needs no_such.inner"),
        (
            named("unit_loaded:silent", inputs={"own": "unit_loaded:none"}),
            "the generator of input 'own' unit_loaded:none: unit_loaded has no none",
        ),
        (named("unit_loaded:silent", inputs={"own": "shuffled"}), "none of: random, sorted"),
        (named("unit_loaded:silent", reference="unit_loaded:none"), "the reference"),
    ],
)
def test_what_is_missing_is_said(algorithm: Algorithm, message: str) -> None:
    with pytest.raises(AlgorithmMissing) as raised:
        load(algorithm)
    assert message in str(raised.value)


def test_an_input_that_it_does_not_have_lists_those_that_it_has() -> None:
    with pytest.raises(AlgorithmMissing, match="has no input 'random'; it has: own, sorted"):
        load(named("unit_loaded:declared")).arguments("random", 5, 1)


def test_a_generator_must_return_a_tuple() -> None:
    loaded = load(named("unit_loaded:silent", inputs={"bare": "unit_loaded:bare"}))
    with pytest.raises(AlgorithmMissing, match="returned a list: let it return the tuple"):
        loaded.arguments("", 5, 1)
