"""Which tasks a profile job makes."""

from typing import Any

import msgspec

from tensorfleet.kinds.profile.algorithms.catalogue import BUILTIN
from tensorfleet.kinds.profile.plan import Order
from tensorfleet.kinds.registry import find_kind

PROFILE = find_kind("profile")


def orders(**document: Any) -> list[Order]:
    tasks = PROFILE.plan(PROFILE.parse_spec(document))
    return [msgspec.convert(task.payload, Order) for task in tasks]


def test_each_algorithm_on_each_input_is_a_task_as_often_as_asked() -> None:
    found = orders(
        algorithms=["quick_sort", "merge_sort"], inputs=["sorted", "random"], repeats=2, sizes=[5]
    )
    assert [(order.a.name, order.input) for order in found] == [
        ("quick_sort", "sorted"),
        ("quick_sort", "sorted"),
        ("quick_sort", "random"),
        ("quick_sort", "random"),
        ("merge_sort", "sorted"),
        ("merge_sort", "sorted"),
        ("merge_sort", "random"),
        ("merge_sort", "random"),
    ]
    assert all(order.b is None and order.sizes == (5,) for order in found)


def test_what_the_job_does_not_say_the_algorithm_does() -> None:
    (order,) = orders(algorithms=["fibonacci_iterative"])
    assert order.a == BUILTIN["fibonacci_iterative"]
    assert order.input == "number"
    assert order.sizes == BUILTIN["fibonacci_iterative"].sizes


def test_what_nobody_says_is_left_to_the_function_itself() -> None:
    (order,) = orders(algorithms=["module:f"])
    assert (order.a.name, order.a.function) == ("module:f", "module:f")
    assert (order.input, order.sizes) == ("", ())


def test_sizes_are_measured_from_small_to_large() -> None:
    (order,) = orders(algorithms=["dft"], sizes=[100, 10, 50])
    assert order.sizes == (10, 50, 100)


def test_a_comparison_sets_the_first_against_each_of_the_others() -> None:
    found = orders(
        algorithms=["quick_sort", "bubble_sort", "tim_sort"], compare=True, inputs=["reversed"]
    )
    assert [(order.a.name, order.b and order.b.name) for order in found] == [
        ("quick_sort", "bubble_sort"),
        ("quick_sort", "tim_sort"),
    ]
    assert {order.input for order in found} == {"reversed"}


def test_a_comparison_takes_the_sizes_of_the_slower_and_an_input_that_both_take() -> None:
    (order,) = orders(algorithms=["quick_sort", "bubble_sort"], compare=True)
    assert order.sizes == BUILTIN["bubble_sort"].sizes
    (order,) = orders(algorithms=["bubble_sort", "quick_sort"], compare=True)
    assert order.sizes == BUILTIN["bubble_sort"].sizes
    wide = {"name": "wide", "function": "m:f", "sizes": [1, 10**6]}
    (order,) = orders(algorithms=[wide, "bubble_sort"], compare=True)
    assert order.sizes == BUILTIN["bubble_sort"].sizes
    own = {"name": "own", "function": "m:f", "inputs": {"own": "m:g", "sorted": "sorted"}}
    (order,) = orders(algorithms=[own, "bubble_sort"], compare=True)
    assert order.input == "sorted"
    (order,) = orders(algorithms=["module:f", "bubble_sort"], compare=True)
    assert (order.input, order.sizes) == ("random", ())


def test_an_order_carries_all_that_was_asked_and_a_task_its_code() -> None:
    own = {"name": "own", "function": "m:f", "code": "a" * 64}
    document = {
        "algorithms": [own, {**own, "code": "b" * 64}],
        "compare": True,
        "seed": 9,
        "measuring": {"processes": 5, "gc": "disabled"},
        "auto_extend": True,
        "check_outputs": False,
        "environment": {"A": "1"},
    }
    (task,) = PROFILE.plan(PROFILE.parse_spec(document))
    assert task.codes == ("a" * 64, "b" * 64)
    assert task.environment == {"A": "1"}
    order = msgspec.convert(task.payload, Order)
    assert (order.seed, order.auto_extend, order.check_outputs) == (9, True, False)
    assert (order.measuring.processes, order.measuring.gc) == (5, "disabled")


def test_a_plan_survives_its_journey_as_json() -> None:
    for task in PROFILE.plan(PROFILE.parse_spec({"algorithms": list(BUILTIN)})):
        again = msgspec.json.decode(msgspec.json.encode(task), type=type(task))
        assert msgspec.convert(again.payload, Order) == msgspec.convert(task.payload, Order)
