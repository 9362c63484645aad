"""The algorithms that every project has.

Their sizes are chosen so that the class of growth can be told in a few seconds, also on a machine
that does other things: calls of some microseconds to a few milliseconds, which often find a moment
in which nothing disturbs them, and data that mostly stay in a processor's caches, because a miss
more often looks like a faster growth.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tensorfleet.kinds.profile.algorithms.algorithm import Algorithm

_ROOM = "tensorfleet.kinds.profile.algorithms"
_ORDERS = ("random", "sorted", "reversed", "few_unique", "nearly_sorted")
_TARGETS = ("present", "absent")


def _doubling(first: int, last: int) -> tuple[int, ...]:
    sizes = [first]
    while sizes[-1] < last:
        sizes.append(sizes[-1] * 2)
    return tuple(sizes)


def _sort(name: str, description: str, expected: Mapping[str, str], **fields: Any) -> Algorithm:
    return Algorithm(
        name=name,
        function=f"{_ROOM}.sorting:{name}",
        inputs={order: order for order in _ORDERS},
        expected=dict(expected),
        reference="builtins:sorted",
        description=f"{description} Sorts a copy of a list of whole numbers.",
        **fields,
    )


def _search(name: str, growth: str, description: str, **fields: Any) -> Algorithm:
    return Algorithm(
        name=name,
        function=f"{_ROOM}.searching:{name}",
        inputs={target: target for target in _TARGETS},
        expected=dict.fromkeys(_TARGETS, growth),
        reference=f"{_ROOM}.exact_answers:place_of",
        description=description,
        **fields,
    )


def _fibonacci(name: str, growth: str, description: str, **fields: Any) -> Algorithm:
    return Algorithm(
        name=name,
        function=f"{_ROOM}.fibonacci:{name}",
        inputs={"number": "number"},
        expected={"number": growth},
        reference=f"{_ROOM}.exact_answers:fibonacci_number",
        description=description,
        **fields,
    )


def _numeric(
    module: str, name: str, generator: str, growth: str, answer: str, **fields: Any
) -> Algorithm:
    return Algorithm(
        name=name,
        function=f"{_ROOM}.{module}:{name}",
        inputs={"random": generator},
        expected={"random": growth},
        reference=f"{_ROOM}.numeric_answers:{answer}",
        **fields,
    )


def _learning(name: str, generator: str, answer: str, **fields: Any) -> Algorithm:
    return _numeric(
        "learning",
        name,
        generator,
        "n",
        answer,
        max_size=10_000_000,
        requires=("sklearn",),
        **fields,
    )


# The library's own work prevails below a thousand rows, and has to be known to be told apart; more
# than four thousand are outside of many a processor's cache.
_TABLE_SIZES = (64, 128, 256, 512, 1_000, 1_500, 2_000, 3_000, 4_000)
_QUADRATIC_UNLESS_SORTED = {
    "random": "n²",
    "sorted": "n",
    "reversed": "n²",
    "few_unique": "n²",
    "nearly_sorted": "n",
}
_ALWAYS_N_LOG_N = dict.fromkeys(_ORDERS, "n log n")

_ALGORITHMS = (
    _sort(
        "bubble_sort",
        "Swaps neighbours until none is out of order.",
        _QUADRATIC_UNLESS_SORTED,
        sizes=(24, 32, 48, 64, 96, 128, 192, 256),
        max_size=100_000,
    ),
    _sort(
        "insertion_sort",
        "Puts each element into its place among those before it.",
        _QUADRATIC_UNLESS_SORTED,
        sizes=(32, 48, 64, 96, 128, 192, 256, 384),
        max_size=100_000,
    ),
    _sort(
        "quick_sort",
        "Hoare's, by a median of three or nine, with insertion for small parts.",
        _ALWAYS_N_LOG_N,
        # In shorter lists, the luck of the pivots is several percent.
        sizes=(192, 300, 500, 800, 1_300, 2_000, 3_200, 5_000, 8_000),
        max_size=10_000_000,
    ),
    _sort(
        "merge_sort",
        "Sorts halves and merges them, with insertion for small parts.",
        _ALWAYS_N_LOG_N,
        sizes=_doubling(16, 2_048),
        max_size=10_000_000,
    ),
    _sort(
        "heap_sort",
        "Takes the largest from a heap, again and again.",
        _ALWAYS_N_LOG_N,
        sizes=(16, 24, 32, 48, 64, 128, 256, 512, 1_024),
        max_size=10_000_000,
    ),
    _sort(
        "tim_sort",
        "Python's: finds runs in order, and merges neighbours of similar length.",
        {
            "random": "n log n",
            "sorted": "n",
            "reversed": "n",
            "few_unique": "n log n",
            "nearly_sorted": "n",
        },
        sizes=_doubling(64, 4_096),
        max_size=50_000_000,
    ),
    _search(
        "binary_search",
        "log n",
        "Halves an ascending list until one place is left.",
        # All targets of such a list are found in the same number of steps. Places in a shorter one
        # are among the small numbers that Python keeps ready.
        sizes=tuple(2**steps - 1 for steps in (9, 10, 11, 12, 13, 14, 15, 16, 18)),
        max_size=50_000_000,
    ),
    _search(
        "linear_search",
        "n",
        "Looks at one element after another.",
        sizes=_doubling(256, 65_536),
        max_size=50_000_000,
    ),
    _numeric(
        "matrices",
        "matrix_multiply_naive",
        "matrices",
        "n³",
        "product_by_blas",
        sizes=(5, 8, 12, 16, 20, 24, 32, 40),
        max_size=1_000,
        tolerance=1e-9,
        requires=("numpy",),
        description="Three nested loops in Python over square matrices; the size is their width.",
    ),
    _numeric(
        "matrices",
        "matrix_multiply_blas",
        "matrices",
        "n³",
        "product_by_sums",
        sizes=(40, 64, 96, 128, 160, 192, 256, 320),
        max_size=20_000,
        tolerance=1e-9,
        requires=("numpy",),
        description="NumPy's product of square matrices, by BLAS, on as many threads as the task "
        "has cores.",
    ),
    _numeric(
        "fourier",
        "dft",
        "signal",
        "n²",
        "spectrum",
        sizes=(16, 24, 32, 48, 64, 96, 128, 160),
        max_size=50_000,
        tolerance=1e-9,
        description="The discrete Fourier transform by its definition.",
    ),
    _numeric(
        "fourier",
        "fft",
        "signal",
        "n log n",
        "spectrum",
        sizes=_doubling(16, 2_048),
        max_size=10_000_000,
        tolerance=1e-9,
        description="The fast Fourier transform. Only lengths with many factors of two are fast.",
    ),
    _fibonacci(
        "fibonacci_recursive",
        "2ⁿ",
        "The size-th Fibonacci number by its definition; the time grows 1.618-fold a step.",
        sizes=tuple(range(8, 22, 2)),
        max_size=45,
    ),
    _fibonacci(
        "fibonacci_iterative",
        "n",
        "The size-th Fibonacci number modulo 2²⁹ - 3, by additions.",
        sizes=_doubling(256, 65_536),
        max_size=1_000_000_000,
    ),
    _learning(
        "kmeans",
        "table",
        "centres",
        sizes=_doubling(256, 16_384),
        tolerance=1e-6,
        description="scikit-learn's k-means with 32 clusters: three steps from the first rows.",
    ),
    _learning(
        "pca",
        "table",
        "principal_components",
        sizes=_TABLE_SIZES,
        tolerance=1e-5,
        description="scikit-learn's first four principal components, by a full SVD.",
    ),
    _learning(
        "knn",
        "labelled_table",
        "nearest_label",
        sizes=_doubling(256, 8_192),
        description="scikit-learn's five nearest neighbours of 256 rows, by brute force.",
    ),
    _learning(
        "linear_regression",
        "target_table",
        "least_squares",
        sizes=_TABLE_SIZES,
        tolerance=1e-6,
        description="scikit-learn's least squares.",
    ),
)

BUILTIN: Mapping[str, Algorithm] = MappingProxyType(
    {algorithm.name: algorithm for algorithm in _ALGORITHMS}
)
"""By name, in the order in which they are shown."""
