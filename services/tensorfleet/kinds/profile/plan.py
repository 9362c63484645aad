"""From a profile job to its tasks."""

from typing import Any

import msgspec

from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm
from tensorfleet.kinds.profile.measurement import Measuring
from tensorfleet.kinds.profile.spec import Spec
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
    raise NotImplementedError


def task_of(order: Order, environment: dict[str, str]) -> TaskPlan:
    """The task of an order."""
    codes = {algorithm.code for algorithm in (order.a, order.b) if algorithm and algorithm.code}
    payload: dict[str, Any] = msgspec.to_builtins(order)
    return TaskPlan(codes=tuple(sorted(codes)), environment=environment, payload=payload)
