"""Algorithms that projects register, and how jobs find them."""

from typing import Any

import pytest

from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.algorithms.catalogue import BUILTIN
from tensorfleet.kinds.registry import find_kind
from tensorfleet.shared.errors import InvalidInput, InvalidJob

PROFILE = find_kind("profile")
DEFINITIONS = PROFILE.definitions
assert DEFINITIONS is not None

OWN = Algorithm(
    name="own_sort",
    function="module:f",
    code="a" * 64,
    inputs={"random": "random"},
    expected={"random": "n^2"},
    max_size=500,
)


def spec(*algorithms: Any, **fields: Any) -> Any:
    return PROFILE.parse_spec({"algorithms": list(algorithms), **fields})


def resolved(asked: Any, **registered: Algorithm) -> Any:
    assert DEFINITIONS is not None
    return DEFINITIONS.resolve(asked, registered)


def test_the_collection_has_a_name_and_the_built_in_ones() -> None:
    assert DEFINITIONS is not None
    assert (DEFINITIONS.collection, DEFINITIONS.singular) == ("algorithms", "algorithm")
    assert DEFINITIONS.type is Algorithm
    assert DEFINITIONS.builtin is BUILTIN


def test_a_complete_description_is_taken() -> None:
    assert DEFINITIONS is not None
    DEFINITIONS.check(OWN)
    DEFINITIONS.check(Algorithm(name="a", function="module:f"))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "Own"}, "name"),
        ({"name": "9"}, "name"),
        ({"name": "a" * 65}, "name"),
        ({"name": "quick_sort"}, "name"),
        ({"name": "quick_sort", "function": BUILTIN["quick_sort"].function}, "name"),
        ({"name": "module:f"}, "name"),
        ({"function": "f"}, "function"),
        ({"function": "os; rm:f"}, "function"),
        ({"code": "A" * 64}, "code"),
        ({"inputs": {"a b": "random"}}, "inputs.a b"),
        ({"inputs": {"mine": "shuffled"}}, "inputs.mine"),
        ({"inputs": {f"i{n}": "random" for n in range(33)}}, "inputs"),
        ({"sizes": (0,)}, "sizes[0]"),
        ({"sizes": (10**13,)}, "sizes[0]"),
        ({"sizes": tuple(range(1, 66))}, "sizes"),
        ({"sizes": (10,), "max_size": 5}, "sizes[0]"),
        ({"max_size": 10**13}, "max_size"),
        ({"expected": {"random": "n!"}}, "expected.random"),
        ({"expected": {"sorted": "n"}}, "expected.sorted"),
        ({"reference": "sorted"}, "reference"),
        ({"tolerance": -1.0}, "tolerance"),
        ({"requires": ("a b",)}, "requires[0]"),
        ({"requires": ("a",) * 33}, "requires"),
        ({"description": "a" * 2001}, "description"),
    ],
)
def test_a_wrong_description_names_its_field(fields: dict[str, Any], field: str) -> None:
    assert DEFINITIONS is not None
    algorithm = Algorithm(**{"name": "own", "function": "module:f", **fields})
    with pytest.raises(InvalidInput) as raised:
        DEFINITIONS.check(algorithm)
    assert [problem.field for problem in raised.value.fields] == [field]


def test_a_taken_name_says_that_it_is_built_in() -> None:
    assert DEFINITIONS is not None
    with pytest.raises(InvalidInput, match="tim_sort is built in: choose another name"):
        DEFINITIONS.check(Algorithm(name="tim_sort", function="module:f"))


def test_only_plain_names_that_are_not_built_in_are_looked_up() -> None:
    assert DEFINITIONS is not None
    asked = spec("quick_sort", "own_sort", "module:f", Algorithm(name="other", function="m:f"))
    assert set(DEFINITIONS.named_in(asked)) == {"own_sort"}


def test_names_give_way_to_descriptions() -> None:
    given = Algorithm(name="other", function="m:f")
    found = resolved(spec("quick_sort", "own_sort", "module:f", given), own_sort=OWN)
    quick, own, function, kept = found.algorithms
    assert quick == BUILTIN["quick_sort"]
    assert (own.function, own.code, own.expected) == ("module:f", "a" * 64, {"random": "n²"})
    assert function == Algorithm(name="module:f", function="module:f")
    assert kept == given


def test_a_resolved_job_is_one_that_is_taken_again_and_resolves_to_itself() -> None:
    found = resolved(spec("quick_sort", "own_sort", "module:f"), own_sort=OWN)
    again = spec(*found.algorithms)
    assert again == found
    assert resolved(again) == found


def test_an_unknown_name_lists_near_and_known_ones() -> None:
    with pytest.raises(InvalidJob) as raised:
        resolved(spec("quick_sort", "quik_sort", "zzz"), own_sort=OWN)
    first, second = raised.value.fields
    assert (first.field, second.field) == ("spec.algorithms[1]", "spec.algorithms[2]")
    assert "did you mean quick_sort" in first.message
    assert "did you mean" not in second.message
    assert "own_sort" in second.message
    assert "linear_regression" in second.message


def test_what_a_registered_algorithm_does_not_take_is_refused() -> None:
    with pytest.raises(InvalidJob, match="own_sort has no input 'sorted', but: random"):
        resolved(spec("own_sort", inputs=["sorted"]), own_sort=OWN)
    with pytest.raises(InvalidJob, match="501 is too large for own_sort, whose limit is 500"):
        resolved(spec("own_sort", sizes=[501]), own_sort=OWN)
