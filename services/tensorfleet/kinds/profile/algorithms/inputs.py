"""What the built-in algorithms are fed with; users' algorithms may name these generators too.

A generator takes (size, seed) and returns a tuple of arguments. The same size and seed give the
same in every process and on every machine: lists are made of `random.Random.random` alone, which
Python promises to keep; tables of NumPy's PCG64.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Mapping
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SMALLEST_UNBOUNDED = 2**30
"""Values lie below, where Python's integers have one digit, and all comparisons cost the same."""
SHUFFLED_ANEW = 2_048
"""In lists shorter than this, how far they are out of order varies by several percent."""
MOST_SHUFFLES = 200
TYPICAL_DEVIATION = 0.01
UNIQUE_VALUES = 10
BLOCK = 8
"""In a nearly sorted list each element lies within the block of so many where it belongs."""
WIDTH = 16
"""Columns of a table: a few hundred rows are more work than what a library does around it, and
thousands stay in a processor's caches."""
QUERIES = 256

_HERE = __name__
_MAX_GAP = 8

GENERATORS: Mapping[str, str] = {
    name: f"{_HERE}:{function}"
    for name, function in {
        "random": "random_list",
        "sorted": "sorted_list",
        "reversed": "reversed_list",
        "few_unique": "few_unique_list",
        "nearly_sorted": "nearly_sorted_list",
        "present": "present_target",
        "absent": "absent_target",
        "number": "number",
        "matrices": "matrices",
        "signal": "signal",
        "table": "table",
        "labelled_table": "labelled_table",
        "target_table": "target_table",
    }.items()
}
"""Built-in generators by name, as "module:function"."""


def random_list(size: int, seed: int) -> tuple[list[int]]:
    """Whole numbers below 2³⁰, in no order: as far out of order as such lists are on average.

    A short list of random numbers may by luck have many more pairs in the wrong order than
    another, and sorting by neighbours takes a step for each. Lists are drawn until one of them is
    within a percent of the average, so that times over sizes show the algorithm and not the luck.
    """
    draw = _random("random", size, seed).random
    nearest: list[int] = []
    least = 2.0
    for _ in range(MOST_SHUFFLES):
        values = [int(draw() * SMALLEST_UNBOUNDED) for _ in range(size)]
        deviation = 0.0 if size >= SHUFFLED_ANEW else _disorder_deviation(values)
        if deviation < least:
            nearest, least = values, deviation
        if least <= TYPICAL_DEVIATION:
            break
    return (nearest,)


def sorted_list(size: int, seed: int) -> tuple[list[int]]:
    """Ascending, all different."""
    return (list(_ascending(_random("sorted", size, seed), size)),)


def reversed_list(size: int, seed: int) -> tuple[list[int]]:
    """Descending, all different."""
    values = list(_ascending(_random("reversed", size, seed), size))
    values.reverse()
    return (values,)


def few_unique_list(size: int, seed: int) -> tuple[list[int]]:
    """At most ten different values, in no order."""
    random = _random("few_unique", size, seed)
    values = list(_ascending(random, UNIQUE_VALUES))
    draw = random.random
    return ([values[int(draw() * UNIQUE_VALUES)] for _ in range(size)],)


def nearly_sorted_list(size: int, seed: int) -> tuple[list[int]]:
    """Ascending, then shuffled within blocks of eight: none is more than seven places away."""
    random = _random("nearly_sorted", size, seed)
    values = list(_ascending(random, size))
    for start in range(0, size, BLOCK):
        end = min(start + BLOCK, size)
        for index in range(start, end - 1):
            other = index + int(random.random() * (end - index))
            values[index], values[other] = values[other], values[index]
    return (values,)


def present_target(size: int, seed: int) -> tuple[list[int], int]:
    """An ascending list, and a value in its second half: for one seed at the same relative place.

    Otherwise how long a search takes would be a matter of luck.
    """
    (values,) = sorted_list(size, seed)
    place = 0.5 + 0.5 * _random("place", 0, seed).random()
    return values, values[int(place * size)]


def absent_target(size: int, seed: int) -> tuple[list[int], int]:
    """An ascending list, and a value that lies between two in its second half, but is not there."""
    values, neighbour = present_target(size, seed)
    # Twice as large, all are even.
    return [2 * value for value in values], 2 * neighbour + 1


def number(size: int, _seed: int) -> tuple[int]:
    """The size itself, whatever the seed."""
    return (size,)


def matrices(size: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two square matrices of numbers from 0 to 1: (size, size) float64."""
    generator = _generator(size, seed)
    return generator.random((size, size)), generator.random((size, size))


def signal(size: int, seed: int) -> tuple[list[complex]]:
    """Noise: complex numbers whose parts lie between -1 and 1."""
    draw = _random("signal", size, seed).random
    return ([complex(2.0 * draw() - 1.0, 2.0 * draw() - 1.0) for _ in range(size)],)


def table(size: int, seed: int) -> tuple[NDArray[np.float64]]:
    """Rows of 16 numbers from 0 to 1: (size, 16) float64. The first columns spread less."""
    return (_table(_generator(size, seed), size),)


def labelled_table(
    size: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """A table, a label of 0 or 1 for each row, and 256 further rows whose label is wanted."""
    generator = _generator(size, seed)
    points = _table(generator, size)
    labels = (points.sum(axis=1) > points.sum(axis=1).mean()).astype("int64")
    return points, labels, _table(generator, QUERIES)


def target_table(size: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A table, and for each row a weighted sum of its numbers with some noise: (size,) float64."""
    generator = _generator(size, seed)
    points = _table(generator, size)
    weights = 2.0 * generator.random(WIDTH) - 1.0
    return points, points @ weights + 0.1 * generator.random(size)


def _disorder_deviation(values: list[int]) -> float:
    """How far the pairs in the wrong order are from a half of all, relatively."""
    pairs = len(values) * (len(values) - 1) / 2
    if not pairs:
        return 0.0
    ordered: list[int] = []
    wrong = 0
    for value in values:
        wrong += len(ordered) - bisect_right(ordered, value)
        insort(ordered, value)
    return abs(2 * wrong / pairs - 1)


def _random(purpose: str, size: int, seed: int) -> Random:
    # Seeding with a text goes by its SHA-512: the same everywhere.
    return Random(f"{purpose} {size} {seed}")  # noqa: S311  no secrets are made of it


def _ascending(random: Random, count: int) -> Iterator[int]:
    draw = random.random
    value = 0
    for _ in range(count):
        value += 1 + int(draw() * _MAX_GAP)
        yield value


def _generator(size: int, seed: int) -> np.random.Generator:
    import numpy as np

    return np.random.default_rng((seed, size))


def _table(generator: np.random.Generator, rows: int) -> NDArray[Any]:
    import numpy as np

    return generator.random((rows, WIDTH)) * np.linspace(0.5, 1.0, WIDTH)
