"""From a profile job to its tasks."""

from typing import Any

import msgspec

from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.measurement import Measuring
from tensorfleet.kinds.profile.spec import Spec, described, name_of, shared_inputs
from tensorfleet.kinds.task_plan import TaskPlan


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a task measures: the payload of its plan."""

    a: Algorithm
    b: Algorithm | None = None
    """Compared with `a`; None: a series of `a` alone."""
    input: str = ""
    """Empty: what the function's own declaration has first."""
    sizes: tuple[int, ...] = ()
    """Empty: those of the function's own declaration."""
    seed: int = 1
    measuring: Measuring = Measuring()
    auto_extend: bool = False
    check_outputs: bool = True


def plan(spec: Spec) -> tuple[TaskPlan, ...]:
    """One task for each algorithm, input and repeat, or for each pair of a comparison."""
    algorithms = [_described(algorithm) for algorithm in spec.algorithms]
    sides: list[tuple[Algorithm, Algorithm | None]]
    if spec.compare:
        sides = [(algorithms[0], other) for other in algorithms[1:]]
    else:
        sides = [(algorithm, None) for algorithm in algorithms]
    orders = (
        Order(
            a=a,
            b=b,
            input=name,
            sizes=tuple(sorted(spec.sizes or own_sizes(a, b))),
            seed=spec.seed,
            measuring=spec.measuring,
            auto_extend=spec.auto_extend,
            check_outputs=spec.check_outputs,
        )
        for a, b in sides
        for name in spec.inputs or (first_input(a, b),)
        for _ in range(spec.repeats)
    )
    return tuple(task_of(order, spec.environment) for order in orders)


def task_of(order: Order, environment: dict[str, str]) -> TaskPlan:
    """The task of an order."""
    codes = {algorithm.code for algorithm in (order.a, order.b) if algorithm and algorithm.code}
    payload: dict[str, Any] = msgspec.to_builtins(order)
    return TaskPlan(codes=tuple(sorted(codes)), environment=environment, payload=payload)


def _described(algorithm: str | Algorithm) -> Algorithm:
    """What is not described by now is a function that describes itself, or nothing."""
    return described(algorithm) or Algorithm(name=name_of(algorithm), function=name_of(algorithm))


def first_input(a: Algorithm, b: Algorithm | None) -> str:
    """The input to take when none is named; empty when the algorithms do not say what they take."""
    names = tuple(a.inputs) if b is None else shared_inputs(a, b)
    return names[0] if names else ""


def own_sizes(a: Algorithm, b: Algorithm | None) -> tuple[int, ...]:
    """The sizes to take when none are given: of two algorithms those of the slower one.

    These are not too much for either: compared with bubble sort, quick sort would otherwise set
    sizes that take minutes.
    """
    if b is None or not (a.sizes and b.sizes):
        return a.sizes
    return min(a.sizes, b.sizes, key=max)
