"""What profiling benchmarks measure: functions of known cost, and one that is 5 % slower."""

from typing import Any


def tiny(value: int) -> int:
    """Some 50 to 100 ns."""
    return value * 3 + 1


def steps(count: int) -> int:
    """So many steps of arithmetic."""
    total = 0
    for step in range(count):
        total += step & 7
    return total % 2**16


def steady(count: int) -> int:
    """Steps whose number the answer does not tell."""
    steps(count)
    return count


def steady_slower(count: int) -> int:
    """The same, with 5 % more of them."""
    steps(count + count // 20)
    return count


def the_size(size: int, _seed: int) -> tuple[int]:
    """The size itself as the argument."""
    return (size,)


def sorting(values: list[int]) -> list[int]:
    """A sorted copy."""
    return sorted(values)


def texts(count: int) -> int:
    """Allocates: so many short texts in a dictionary."""
    return len({f"key-{number}": number for number in range(count)})


# By name: the function, and the size it is given. From about 50 ns to about a second.
AGREEMENT: dict[str, tuple[Any, int]] = {
    "tiny": (tiny, 7),
    "steps_30": (steps, 30),
    "texts_100": (texts, 100),
    "steps_30k": (steps, 30_000),
    "texts_100k": (texts, 100_000),
    "steps_10m": (steps, 10_000_000),
}
