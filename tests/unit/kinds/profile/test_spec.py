"""What may be asked of a profile job, and what is refused and why."""

from typing import Any

import msgspec
import pytest

from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.algorithms.catalogue import BUILTIN
from tensorfleet.kinds.profile.spec import MAX_SERIES
from tensorfleet.kinds.registry import find_kind
from tensorfleet.shared.errors import InvalidJob

PROFILE = find_kind("profile")
OWN = {"name": "own", "function": "module:f", "inputs": {"pairs": "module:g"}, "max_size": 50}


def problems(**document: Any) -> dict[str, str]:
    with pytest.raises(InvalidJob) as raised:
        PROFILE.parse_spec({"algorithms": ["quick_sort"], **document})
    return {problem.field: problem.message for problem in raised.value.fields}


@pytest.mark.parametrize(
    "document",
    [
        {"algorithms": ["quick_sort"]},
        {"algorithms": list(BUILTIN)},
        {"algorithms": ["quick_sort", "merge_sort"], "sizes": [1, 10**7], "inputs": ["random"]},
        {"algorithms": ["registered_one", "module:f", "package.module:Class.f"]},
        {"algorithms": [OWN], "inputs": ["pairs"], "sizes": [50]},
        {"algorithms": [msgspec.to_builtins(BUILTIN["pca"])]},
        {"algorithms": ["quick_sort", "quick_sort"], "compare": True},
        {"algorithms": ["module:f", "quick_sort"], "compare": True, "inputs": ["sorted"]},
        {"algorithms": [OWN, {**OWN, "code": "a" * 64}], "compare": True},
        {"algorithms": ["dft"], "seed": 0, "repeats": 1000},
        {"algorithms": ["dft"], "measuring": {"processes": 1, "values": 1, "warmups": 0}},
    ],
)
def test_what_makes_sense_is_taken(document: dict[str, Any]) -> None:
    spec = PROFILE.parse_spec(document)
    assert PROFILE.plan(spec)
    assert not PROFILE.needs_code(spec)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"algorithms": []}, "spec.algorithms"),
        ({"algorithms": ["quick_sort"] * 2}, "spec.algorithms[1]"),
        ({"algorithms": ["quick_sort", BUILTIN["quick_sort"]]}, "spec.algorithms[1]"),
        ({"algorithms": ["Quick Sort"]}, "spec.algorithms[0]"),
        ({"algorithms": ["module:"]}, "spec.algorithms[0]"),
        ({"algorithms": ["a/b.py:f"]}, "spec.algorithms[0]"),
        ({"algorithms": [{**OWN, "function": "f"}]}, "spec.algorithms[0].function"),
        ({"algorithms": [{**OWN, "name": "quick_sort"}]}, "spec.algorithms[0].name"),
        ({"algorithms": [{**OWN, "name": "other:f"}]}, "spec.algorithms[0].name"),
        ({"algorithms": [{**OWN, "code": "abc"}]}, "spec.algorithms[0].code"),
        ({"algorithms": ["a"], "compare": True}, "spec.algorithms"),
        ({"algorithms": ["a", "b", "b"], "compare": True}, "spec.algorithms[2]"),
        ({"algorithms": ["quick_sort", "dft"], "compare": True}, "spec.algorithms[1]"),
        (
            {
                "algorithms": ["quick_sort", "matrix_multiply_blas"],
                "compare": True,
                "inputs": ["random"],
            },
            "spec.algorithms[1]",
        ),
        ({"sizes": [0]}, "spec.sizes[0]"),
        ({"sizes": [10, -5]}, "spec.sizes[1]"),
        ({"sizes": [10, 10]}, "spec.sizes[1]"),
        ({"sizes": [10**12 + 1]}, "spec.sizes[0]"),
        ({"sizes": list(range(1, 66))}, "spec.sizes"),
        ({"algorithms": ["bubble_sort"], "sizes": [100_001]}, "spec.sizes[0]"),
        ({"algorithms": [OWN], "sizes": [51]}, "spec.sizes[0]"),
        ({"inputs": ["shuffled"]}, "spec.inputs[0]"),
        ({"inputs": ["random", "random"]}, "spec.inputs[1]"),
        ({"inputs": [f"i{n}" for n in range(33)]}, "spec.inputs"),
        ({"algorithms": [OWN], "inputs": ["random"]}, "spec.inputs[0]"),
        ({"algorithms": ["registered_one"], "inputs": ["a b"]}, "spec.inputs[0]"),
        ({"seed": -1}, "spec.seed"),
        ({"seed": 2**53}, "spec.seed"),
        ({"repeats": 0}, "spec.repeats"),
        ({"repeats": 1001}, "spec.repeats"),
        ({"measuring": {"processes": 0}}, "spec.measuring.processes"),
        ({"measuring": {"processes": 1001, "values": 1}}, "spec.measuring.processes"),
        ({"measuring": {"values": 0}}, "spec.measuring.values"),
        ({"measuring": {"values": 101, "processes": 1}}, "spec.measuring.values"),
        ({"measuring": {"warmups": -1}}, "spec.measuring.warmups"),
        ({"measuring": {"warmups": 101}}, "spec.measuring.warmups"),
        ({"measuring": {"value_seconds": 0}}, "spec.measuring.value_seconds"),
        ({"measuring": {"value_seconds": 61}}, "spec.measuring.value_seconds"),
        ({"measuring": {"value_seconds": float("nan")}}, "spec.measuring.value_seconds"),
        ({"measuring": {"call_seconds": 0}}, "spec.measuring.call_seconds"),
        ({"measuring": {"call_seconds": 86_401}}, "spec.measuring.call_seconds"),
        ({"measuring": {"series_seconds": float("inf")}}, "spec.measuring.series_seconds"),
        ({"measuring": {"processes": 1000, "values": 100}}, "spec.measuring"),
        ({"measuring": {"gc": "sometimes"}}, "spec.measuring.gc"),
        ({"measuring": {"rounds": 5}}, "spec.measuring"),
        (
            {
                "algorithms": ["quick_sort", "merge_sort"],
                "compare": True,
                "sizes": [10],
                "measuring": {"processes": 1000, "values": 17},
            },
            "spec.measuring",
        ),
        ({"environment": {"TENSORFLEET_X": "1"}}, "spec.environment.TENSORFLEET_X"),
        ({"sizes": ["1k"]}, "spec.sizes[0]"),
        ({"algorithms": [f"a{n}" for n in range(1001)]}, "spec.algorithms"),
        (
            {"algorithms": [f"a{n}" for n in range(101)], "repeats": 100},
            "spec.algorithms",
        ),
    ],
)
def test_what_cannot_be_names_its_field(document: dict[str, Any], field: str) -> None:
    assert list(problems(**document)) == [field]


def test_messages_say_what_would_do() -> None:
    assert "begin at 1" in problems(sizes=[0])["spec.sizes[0]"]
    assert "-3" in problems(sizes=[-3])["spec.sizes[0]"]
    assert problems(inputs=["shuffled"])["spec.inputs[0]"] == (
        "quick_sort has no input 'shuffled', but: random, sorted, reversed, few_unique, "
        "nearly_sorted"
    )
    too_large = problems(algorithms=["fibonacci_recursive"], sizes=[46])["spec.sizes[0]"]
    assert too_large == "46 is too large for fibonacci_recursive, whose limit is 45"
    assert "at least two" in problems(compare=True)["spec.algorithms"]
    assert (
        f"{MAX_SERIES:,}"
        in problems(algorithms=[f"a{n}" for n in range(1000)], repeats=11)["spec.algorithms"]
    )


def test_inputs_of_one_name_but_different_things_are_not_compared() -> None:
    lists = {"name": "a", "function": "m:a", "inputs": {"x": "random", "y": "sorted"}}
    tables = {"name": "b", "function": "m:b", "inputs": {"x": "table", "y": "sorted"}}
    found = problems(algorithms=[lists, tables], compare=True, inputs=["x"])
    assert found == {"spec.inputs[0]": "a and b mean different things by 'x'"}


def test_every_problem_is_told_at_once() -> None:
    assert len(problems(sizes=[0], seed=-1, repeats=0, inputs=["x"])) == 4


def test_a_module_must_be_in_the_code_folder_when_its_package_is() -> None:
    files = frozenset({"package/__init__.py"})
    own = Algorithm(name="own", function="package.module:f")
    for algorithm in ("package.module:f", own):
        spec = PROFILE.parse_spec({"algorithms": ["quick_sort", algorithm]})
        PROFILE.check_code(spec, frozenset({"package/module.py"}))
        PROFILE.check_code(spec, frozenset({"other.py"}))
        with pytest.raises(InvalidJob, match=r"package/module\.py is not in the code") as raised:
            PROFILE.check_code(spec, files)
        assert [problem.field for problem in raised.value.fields] == ["spec.algorithms[1]"]
    elsewhere = msgspec.structs.replace(own, code="a" * 64)
    PROFILE.check_code(PROFILE.parse_spec({"algorithms": [elsewhere, "registered"]}), files)


def test_measuring_wants_a_worker_of_its_own() -> None:
    assert PROFILE.default_resources.exclusive
