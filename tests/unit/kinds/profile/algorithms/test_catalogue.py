"""Every built-in algorithm gives the right answer on each of its inputs, and says how it grows."""

import copy
import random
import sys
from functools import cache

import pytest

from tensorfleet.kinds.profile.algorithms import algorithm_rules
from tensorfleet.kinds.profile.algorithms.catalogue import BUILTIN
from tensorfleet.kinds.profile.algorithms.complexity_class import CLASSES
from tensorfleet.kinds.profile.algorithms.loader import LoadedAlgorithm, load
from tensorfleet.kinds.profile.algorithms.outputs import same

EXPECTED_NAMES = [
    "bubble_sort",
    "insertion_sort",
    "quick_sort",
    "merge_sort",
    "heap_sort",
    "tim_sort",
    "binary_search",
    "linear_search",
    "matrix_multiply_naive",
    "matrix_multiply_blas",
    "dft",
    "fft",
    "fibonacci_recursive",
    "fibonacci_iterative",
    "kmeans",
    "pca",
    "knn",
    "linear_regression",
]
SIZES = (1, 2, 3, 10, 17, 64, 150)
SLOW_GROWING = 20
EVERY_CASE = [(name, input_name) for name, known in BUILTIN.items() for input_name in known.inputs]


@cache
def loaded(name: str) -> LoadedAlgorithm:
    return load(BUILTIN[name])


def test_the_promised_algorithms_are_there() -> None:
    assert list(BUILTIN) == EXPECTED_NAMES


@pytest.mark.parametrize(("name", "input_name"), EVERY_CASE)
def test_the_answer_is_that_of_the_reference(name: str, input_name: str) -> None:
    algorithm = loaded(name)
    assert algorithm.reference is not None
    limit = SLOW_GROWING if name == "fibonacci_recursive" else max(SIZES)
    for size in SIZES:
        if size > limit or (name, size) == ("pca", 1):
            continue
        for seed in (0, 1, 7):
            arguments = algorithm.arguments(input_name, size, seed)
            kept = copy.deepcopy(arguments)
            answer = algorithm.function(*arguments)
            right = algorithm.reference(*copy.deepcopy(kept))
            assert same(answer, right, BUILTIN[name].tolerance), (size, seed)
            assert same(arguments, kept), "its input was changed"
            assert same(answer, algorithm.function(*arguments)), "it is not deterministic"


@pytest.mark.parametrize("name", BUILTIN)
def test_a_wrong_answer_is_not_that_of_the_reference(name: str) -> None:
    algorithm = loaded(name)
    assert algorithm.reference is not None
    one = algorithm.reference(*algorithm.arguments("", 16, 1))
    other = algorithm.reference(*algorithm.arguments("", 18, 2))
    assert not same(one, other, BUILTIN[name].tolerance)


@pytest.mark.parametrize("name", BUILTIN)
def test_default_sizes_can_be_generated_and_answered(name: str) -> None:
    algorithm = loaded(name)
    assert algorithm.reference is not None
    size = BUILTIN[name].sizes[0]
    arguments = algorithm.arguments("", size, 1)
    answer = algorithm.function(*arguments)
    assert same(answer, algorithm.reference(*arguments), BUILTIN[name].tolerance)


@pytest.mark.parametrize("name", BUILTIN)
def test_a_description_obeys_the_rules_and_says_what_is_expected(name: str) -> None:
    algorithm = BUILTIN[name]
    assert algorithm_rules.problems(algorithm) == []
    assert algorithm.description
    assert 5 <= len(algorithm.sizes) <= 9
    assert algorithm.sizes == tuple(sorted(algorithm.sizes))
    first = next(iter(algorithm.inputs))
    assert algorithm.expected[first] in CLASSES
    assert algorithm.max_size > max(algorithm.sizes)


def test_sorted_and_reversed_lists_are_no_trap_for_quick_sort() -> None:
    depth = sys.getrecursionlimit()
    algorithm = loaded("quick_sort")
    for input_name in ("sorted", "reversed", "few_unique"):
        (values,) = algorithm.arguments(input_name, 30 * depth, 1)
        assert algorithm.function(values) == sorted(values)


class Counted(int):
    """A number that counts how often numbers are compared."""

    comparisons = 0

    def __lt__(self, other: int) -> bool:
        Counted.comparisons += 1
        return int(self) < int(other)

    def __gt__(self, other: int) -> bool:
        Counted.comparisons += 1
        return int(self) > int(other)

    def __le__(self, other: int) -> bool:
        Counted.comparisons += 1
        return int(self) <= int(other)


def comparisons_of(name: str, input_name: str, size: int) -> int:
    algorithm = loaded(name)
    (values,) = algorithm.arguments(input_name, size, 1)
    Counted.comparisons = 0
    algorithm.function([Counted(value) for value in values])
    return Counted.comparisons


def test_tim_sort_uses_the_order_that_is_there() -> None:
    assert comparisons_of("tim_sort", "sorted", 1_000) <= 1_000
    assert comparisons_of("tim_sort", "reversed", 1_000) <= 1_000
    nearly = comparisons_of("tim_sort", "nearly_sorted", 4_000)
    assert nearly < 1.2 * 4 * comparisons_of("tim_sort", "nearly_sorted", 1_000)
    # No sort needs fewer than n log2 n - 1.44 n on average.
    assert 8_500 < comparisons_of("tim_sort", "random", 1_000) < 12_000


def test_tim_sort_keeps_equal_elements_in_their_order() -> None:
    source = random.Random(5)  # noqa: S311
    for _ in range(200):
        runs = [
            sorted(
                source.choices(range(9), k=source.randrange(1, 60)), reverse=source.random() < 0.3
            )
            for _ in range(source.randrange(1, 30))
        ]
        # Equal as numbers, told apart by their type.
        values = [source.choice((int, float))(value) for run in runs for value in run]
        answer = loaded("tim_sort").function(values)
        assert [id(value) for value in answer] == [id(value) for value in sorted(values)]


def test_one_row_has_no_principal_components() -> None:
    with pytest.raises(ValueError, match="at least two rows"):
        loaded("pca").function(*loaded("pca").arguments("", 1, 1))


def test_kmeans_makes_all_of_its_steps_at_its_default_sizes() -> None:
    from sklearn.cluster import KMeans

    from tensorfleet.kinds.profile.algorithms.learning_sizes import CLUSTERS, ITERATIONS

    for seed in range(5):
        (points,) = loaded("kmeans").arguments("", BUILTIN["kmeans"].sizes[0], seed)
        model = KMeans(
            CLUSTERS, init=points[:CLUSTERS], n_init=1, max_iter=ITERATIONS, tol=0.0
        ).fit(points)
        assert model.n_iter_ == ITERATIONS
