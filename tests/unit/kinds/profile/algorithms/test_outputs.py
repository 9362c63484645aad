"""Which outputs are the same, and what counts as the output of a call."""

import math
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from tensorfleet.kinds.profile.algorithms.outputs import NoOutput, output_of, same

NAN = math.nan
INF = math.inf


class Node:
    def __init__(self, value: Any, following: "Node | None" = None) -> None:
        self.value = value
        self.following = following


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


@dataclass
class Point:
    x: float


def chain(length: int, last: int = 0) -> Node:
    node = Node(last)
    for value in range(length):
        node = Node(value, node)
    return node


def ring() -> list[Any]:
    values: list[Any] = [1]
    values.append(values)
    return values


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (None, None),
        (1, 1.0),
        (NAN, NAN),
        (complex(NAN, 1), complex(NAN, 1)),
        (INF, INF),
        ("a", "a"),
        (b"a", bytearray(b"a")),
        ([1, [2, 3]], (1, [2, 3])),
        ([1, NAN], [1, NAN]),
        (range(3), [0, 1, 2]),
        ([], ()),
        ({"a": [1]}, OrderedDict(a=(1,))),
        ({1, 2}, frozenset({2, 1})),
        (np.array([1, 2]), [1, 2]),
        (np.array([[1.0, NAN]]), [[1.0, NAN]]),
        ([np.array([1]), np.array([2, 3])], [[1], [2, 3]]),
        (np.float64(2), 2),
        (np.array(["a"]), ["a"]),
        (np.array(3), np.array(3)),
        (Fraction(1, 2), 0.5),
        (Point(1), Point(1)),
        (Slotted([1]), Slotted([1])),
        (chain(50_000), chain(50_000)),
        (ring(), ring()),
        (deque([1]), deque([1])),
    ],
)
def test_equal_outputs_are_the_same(x: Any, y: Any) -> None:
    assert same(x, y)
    assert same(y, x)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (None, 0),
        (1, 2),
        (1, 1.0000001),
        (NAN, 1.0),
        (INF, -INF),
        ("a", "b"),
        ("ab", ["a", "b"]),
        (1, "1"),
        (b"a", "a"),
        ([1], [1, 1]),
        ([1, 2], [2, 1]),
        ([1, [2]], [1, 2]),
        ([1, 2], [1, "2"]),
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"b": 1}),
        ({1, 2}, {1, 3}),
        ({1}, [1]),
        ({1, "a"}, {1, "b"}),
        (np.array([1, 2]), [1, 3]),
        (np.array([1, 2]), [[1, 2]]),
        (np.array([1, 2]), [[1], [2, 3]]),
        (np.array([1]), "1"),
        (np.array([NAN]), np.array([1.0])),
        (Point(1), Point(2)),
        (Slotted(1), Slotted(2)),
        (object(), object()),
        (chain(5_000), chain(5_000, last=1)),
        (chain(5), Slotted(1)),
    ],
)
def test_other_outputs_are_not_the_same(x: Any, y: Any) -> None:
    assert not same(x, y)
    assert not same(y, x)


@pytest.mark.parametrize(
    ("x", "y", "tolerance", "expected"),
    [
        (1.0, 1.001, 0.01, True),
        (1.0, 1.02, 0.01, False),
        (-1.0, 1.0, 0.5, False),
        (0.0, 1e-30, 0.01, False),
        ([1000.0, 0.0], [1000.0, 0.5], 0.001, True),
        ([1000.0, 0.0], [1000.0, 1.5], 0.001, False),
        ([[1000.0], [0.0]], [[1000.0], [0.5]], 0.001, False),
        ([1.0, NAN], [1.001, NAN], 0.01, True),
        ([1.0, INF], [1.0, -INF], 0.01, False),
        ([INF], [1.0], 0.01, False),
        ([1j], [1.001j], 0.01, True),
        ({"a": 1.0}, {"a": 1.001}, 0.01, True),
        ({1.0, 2.0}, {1.001, 2.0}, 0.01, True),
        ({1.0, 2.0}, {1.1, 2.0}, 0.01, False),
        (np.array([1000.0, 0.0]), np.array([1000.0, 0.5]), 0.001, True),
        (np.array([1000.0, 0.0]), [1000.0, 1.5], 0.001, False),
        (np.array([1.0, NAN, INF]), np.array([1.001, NAN, INF]), 0.01, True),
        (np.array([1.0, INF]), np.array([1.0, -INF]), 0.01, False),
        (np.array([1.0 + 1j]), np.array([1.0 + 1.001j]), 0.01, True),
        (Decimal("1.0"), Decimal("1.001"), 0.01, True),
        ("1.0", "1.001", 0.01, False),
    ],
)
def test_numbers_may_differ_by_the_tolerance(
    x: Any, y: Any, tolerance: float, expected: bool
) -> None:
    assert same(x, y, tolerance) is expected
    assert same(y, x, tolerance) is expected


def test_what_a_function_returns_is_its_output() -> None:
    assert output_of([1], ([2],), ([1],)) == [1]
    assert output_of(0, ([2],), ([1],)) == 0
    assert output_of([], ([2],), ([1],)) == []


def test_a_function_that_returns_nothing_has_what_it_changed_as_its_output() -> None:
    assert output_of(None, ([1, 2],), ([2, 1],)) == [1, 2]
    assert output_of(None, ("a", [1, 2]), ("a", [2, 1])) == [1, 2]


def test_a_function_that_gave_nothing_has_no_output() -> None:
    with pytest.raises(NoOutput, match="return the answer"):
        output_of(None, ([1, 2],), ([1, 2],))
    with pytest.raises(NoOutput, match="return the answer"):
        output_of(None, (), ())


def test_an_iterator_is_no_output_because_its_work_is_not_done() -> None:
    def numbers() -> Iterator[int]:
        yield 1

    for lazy in (numbers(), iter([1]), map(str, [1])):
        with pytest.raises(NoOutput, match="return a list"):
            output_of(lazy, (), ())
