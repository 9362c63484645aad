"""The right class where figures are enough, and never a wrong one.

The test-bed: log-normal noise between processes and within them, rare values twice as long,
constant parts, steps as of caches, classes between those that can be told.
"""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tensorfleet.kinds.profile.statistics.complexity import fit
from tensorfleet.kinds.profile.statistics.growth import EXPONENTIAL

Floats = NDArray[np.float64]
Points = list[tuple[int, list[float]]]

CURVES: dict[str, Callable[[Floats], Floats]] = {
    "1": np.ones_like,
    "log n": np.log2,
    "n": lambda n: n,
    "n log n": lambda n: n * np.log2(n),
    "n²": lambda n: n**2,
    "n³": lambda n: n**3,
}
ADEQUATE = {
    "1": (100, 100_000, 8),
    "log n": (256, 1_000_000, 9),
    "n": (256, 65_536, 9),
    "n log n": (256, 65_536, 9),
    "n²": (32, 2_048, 7),
    "n³": (8, 256, 6),
}


def geometric(low: int, high: int, count: int) -> list[int]:
    return [round(size) for size in np.geomspace(low, high, count)]


def measured(source: np.random.Generator, sizes: list[int], truth: Floats, spread: float) -> Points:
    """Medians of twelve processes of three values each."""
    shape = (12, len(sizes), 3)
    logs = source.normal(0, spread, (12, 1, 1)) + source.normal(0, spread, (12, len(sizes), 1))
    logs = logs + source.normal(0, spread / 2, shape)
    logs = logs + np.where(source.random(shape) < 0.02, math.log(2), 0)
    medians = np.median(truth[None, :, None] * np.exp(logs), axis=2)
    return [(size, medians[:, index].tolist()) for index, size in enumerate(sizes)]


def disturbed(source: np.random.Generator, sizes: list[int], truth: Floats) -> list[Floats]:
    """Twelve processes of five values each, half of them slowed: (12, 5) a size."""
    shape = (12, 5, len(sizes))
    moment = (12, 1, len(sizes))
    slower = np.where(source.random(moment) < 0.5, source.uniform(0.3, 1.0, moment), 0.0)
    times = truth * (1 + slower) * np.exp(np.abs(source.normal(0, 0.02, shape)))
    return [times[:, :, index] for index in range(len(sizes))]


def claims(
    truth: Callable[[Floats], Floats], sizes: list[int], spread: float, seeds: int
) -> list[str | None]:
    exact = truth(np.array(sizes, dtype=np.float64))
    return [
        fit(measured(np.random.default_rng(seed), sizes, exact, spread)).name
        for seed in range(seeds)
    ]


@pytest.mark.parametrize("spread", [0.01, 0.03])
@pytest.mark.parametrize("name", CURVES)
def test_right_class_is_told_from_adequate_sizes(name: str, spread: float) -> None:
    told = claims(CURVES[name], geometric(*ADEQUATE[name]), spread, 20)
    # To say that nothing grows, little must be uncertain.
    assert told.count(name) >= (16 if (name, spread) == ("1", 0.03) else 19)
    assert set(told) <= {name, None}


@pytest.mark.parametrize("name", CURVES)
def test_least_times_tell_the_class_on_a_machine_that_is_seldom_undisturbed(name: str) -> None:
    sizes = geometric(*ADEQUATE[name])
    exact = CURVES[name](np.array(sizes, dtype=np.float64))
    least: list[str | None] = []
    medians: list[str | None] = []
    for seed in range(12):
        times = disturbed(np.random.default_rng(seed), sizes, exact)
        for told, middle, is_least in ((least, np.min, True), (medians, np.median, False)):
            points = [
                (size, middle(values, axis=1).tolist())
                for size, values in zip(sizes, times, strict=True)
            ]
            told.append(fit(points, is_least=is_least).name)
    assert least.count(name) >= 10
    assert set(least) | set(medians) <= {name, None}
    assert medians.count(name) < 6


@pytest.mark.parametrize("base", [1.618, 2.0, 3.0])
def test_exponentials_are_told_with_their_base(base: float) -> None:
    sizes = list(range(6, 24, 2))
    truth = base ** np.array(sizes, dtype=np.float64) + base**8
    for seed in range(6):
        found = fit(measured(np.random.default_rng(seed), sizes, truth, 0.02))
        assert found.name == EXPONENTIAL
        assert found.base is not None
        assert found.base.value == pytest.approx(base, rel=0.02)
        assert found.base.low <= found.base.value <= found.base.high


@pytest.mark.parametrize("name", ["n", "n²", "n log n"])
def test_constant_part_at_small_sizes_does_not_hide_the_class(name: str) -> None:
    sizes = geometric(*ADEQUATE[name])

    def with_overhead(n: Floats) -> Floats:
        work = CURVES[name](n)
        raised: Floats = work + work[2]
        return raised

    told = claims(with_overhead, sizes, 0.02, 12)
    assert told.count(name) >= 11
    assert set(told) <= {name, None}


@pytest.mark.parametrize("rise", [1.05, 1.1, 1.25])
def test_linear_work_that_outgrows_a_cache_is_never_another_class(rise: float) -> None:
    def with_step(n: Floats) -> Floats:
        stepped: Floats = n * (1 + (rise - 1) / (1 + (8_000 / n) ** 2))
        return stepped

    assert set(claims(with_step, geometric(256, 65_536, 9), 0.01, 12)) <= {"n", None}


@pytest.mark.parametrize(
    ("truth", "sizes"),
    [
        (lambda n: n**1.585, geometric(64, 16_384, 9)),
        (lambda n: n**1.2, geometric(8, 512, 7)),
        (lambda n: n**2.5, geometric(8, 512, 7)),
        (lambda n: n * np.log2(n) ** 2, geometric(256, 65_536, 9)),
        (lambda n: n**2 * np.log2(n), geometric(16, 2_048, 8)),
        (lambda n: np.log2(n) ** 2, geometric(256, 1_000_000, 9)),
        (lambda n: n**5, list(range(15, 31, 2))),
        (lambda n: np.array([float(math.factorial(int(k))) for k in n]), list(range(3, 12))),
    ],
)
def test_growth_between_the_classes_is_none_of_them(
    truth: Callable[[Floats], Floats], sizes: list[int]
) -> None:
    assert set(claims(truth, sizes, 0.02, 8)) == {None}


def test_exponent_is_reported_for_growth_between_the_classes() -> None:
    sizes = geometric(64, 16_384, 9)
    truth = 1e-7 * np.array(sizes, dtype=np.float64) ** 1.585
    found = fit(measured(np.random.default_rng(4), sizes, truth, 0.02))
    assert found.exponent is not None
    assert found.exponent.low < 1.585 < found.exponent.high
    assert found.exponent.high - found.exponent.low < 0.1
    assert "n^1.5" in found.advice


@pytest.mark.parametrize("name", ["n", "n log n", "n²", "log n"])
@pytest.mark.parametrize("sizes", [geometric(100, 800, 4), geometric(10, 200, 6)])
def test_small_ranges_give_the_right_class_or_none(name: str, sizes: list[int]) -> None:
    assert set(claims(CURVES[name], sizes, 0.03, 8)) <= {name, None}


@pytest.mark.parametrize("growth", [0.05, 0.1, 0.2, 0.4])
def test_small_growth_is_not_called_constant(growth: float) -> None:
    def slow(n: Floats) -> Floats:
        logs = np.log(n)
        grown: Floats = 1 + growth * (logs - logs[0]) / (logs[-1] - logs[0])
        return grown

    assert "1" not in claims(slow, geometric(100, 1_000_000, 8), 0.03, 12)


def test_few_sizes_get_advice_with_sizes_between_and_beyond() -> None:
    found = fit([(1_000, [1.0] * 6), (10_000, [13.0] * 6), (100_000, [166.0] * 6)])
    assert found.name is None
    assert "too few" in found.advice
    assert found.suggested_sizes == (400_000, 1_600_000, 6_400_000, 26_000_000)


def test_suggested_sizes_respect_limits() -> None:
    points = [(1_000, [1.0] * 6), (10_000, [100.0] * 6), (100_000, [10_000.0] * 6)]
    found = fit(points, limit=50_000.0, max_size=150_000)
    assert found.suggested_sizes
    assert max(found.suggested_sizes) < 100_000


def test_n_and_n_log_n_over_a_small_range_ask_for_larger_sizes() -> None:
    sizes = [1024, 2048, 4096, 8192, 16384]
    exact = np.array(sizes) * (0.5 * np.log2(sizes) + 6.0)
    found = fit(measured(np.random.default_rng(1), sizes, exact, 0.01))
    assert found.name is None
    assert "n log n" in found.advice
    assert found.suggested_sizes == (32768, 65536, 131072, 262144)


def test_uncertain_figures_ask_for_more_processes_and_clear_ones_do_not() -> None:
    sizes = geometric(64, 16_384, 9)
    exact = np.array(sizes, dtype=np.float64) ** 1.585
    uncertain = fit(measured(np.random.default_rng(1), sizes, exact, 0.2))
    clear = fit(measured(np.random.default_rng(1), sizes, exact, 0.001))
    assert (uncertain.name, uncertain.needs_processes) == (None, True)
    assert "take more processes" in uncertain.advice
    assert (clear.name, clear.needs_processes) == (None, False)
    assert "processes" not in clear.advice


@pytest.mark.parametrize("offset", [0.0, 30.0])
def test_powers_over_a_short_range_are_not_n_log_n(offset: float) -> None:
    for sizes in (geometric(32, 256, 4), geometric(16, 512, 7)):
        told = claims(lambda n: offset + n**1.2, sizes, 0.01, 8)
        assert "n log n" not in told


def test_figures_that_fall_are_not_classified() -> None:
    sizes = geometric(100, 10_000, 7)
    truth = np.array([1, 2, 4, 8, 3, 32, 64], dtype=np.float64)
    found = fit(measured(np.random.default_rng(1), sizes, truth, 0.01))
    assert (found.name, found.suggested_sizes) == (None, ())
    assert "falls" in found.advice


def test_uneven_figures_are_not_classified_however_bad_the_rivals() -> None:
    sizes = geometric(32, 4_096, 8)
    n = np.array(sizes, dtype=np.float64)
    uneven = n**2 * np.where(np.arange(8) % 2, 1.12, 0.88)
    found = fit(measured(np.random.default_rng(1), sizes, uneven, 0.01))
    assert (found.name, found.nearest) == (None, "n²")
    assert "no class fits" in found.advice


def test_coefficients_are_those_of_the_curve() -> None:
    sizes = geometric(256, 65_536, 9)
    n = np.array(sizes, dtype=np.float64)
    found = fit(measured(np.random.default_rng(3), sizes, 2e-6 + 5e-9 * n, 0.02))
    assert found.name == "n"
    assert found.coefficient is not None
    assert found.constant is not None
    assert found.coefficient.low < 5e-9 < found.coefficient.high
    assert found.constant.low < 2e-6 < found.constant.high
    band = found.band([1000.0])
    assert band is not None
    middle, low, high = band
    assert low[0] < 7e-6 < high[0]
    assert middle[0] == pytest.approx(7e-6, rel=0.05)


def test_lower_powers_at_small_sizes_are_left_out() -> None:
    sizes = geometric(16, 8_192, 10)
    n = np.array(sizes, dtype=np.float64)
    found = fit(measured(np.random.default_rng(3), sizes, n**2 + 40 * n, 0.02))
    assert found.name in ("n²", None)


def test_memory_of_pages_is_classified_above_its_tolerance() -> None:
    page = 4096
    points = [(size, [float(-(-8 * size // page) * page)]) for size in geometric(1_000, 10**6, 8)]
    assert fit(points, tolerance=page).name == "n"


def test_no_memory_at_all_is_constant_only_where_a_byte_an_element_would_show() -> None:
    small = fit([(size, [0.0]) for size in (100, 200, 400, 800)], tolerance=4096)
    large = fit([(size, [0.0]) for size in (1_000, 10_000, 100_000, 1_000_000)], tolerance=4096)
    assert (small.name, large.name) == (None, "1")
    assert "below what can be seen" in small.advice


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(0, [1.0]), (1, [1.0])],
        [(10, [])],
        [(2**k, [0.0] * 5) for k in range(2, 10)],
        [(2**k, [float("nan"), float("inf")]) for k in range(2, 10)],
        [(2**k, [1e300 * k]) for k in range(2, 10)],
        [(k, [1.0 + k]) for k in range(10**9, 10**9 + 8)],
    ],
)
def test_degenerate_figures_are_not_classified(points: Points) -> None:
    found = fit(points)
    assert found.name is None
    assert found.advice


def test_equal_figures_give_equal_answers() -> None:
    sizes = geometric(256, 65_536, 9)
    points = measured(np.random.default_rng(1), sizes, np.array(sizes) * 1.0, 0.02)
    assert fit(points) == fit(points)
