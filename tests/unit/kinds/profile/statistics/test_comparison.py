"""Differences that are there are found; noise is not taken for one."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from tensorfleet.kinds.profile.statistics.comparison import (
    NO_EVIDENCE,
    compare,
    compare_recorded,
    compare_sizes,
    holm,
)

Times = NDArray[np.float64]


def interleaved(source: np.random.Generator, rounds: int, kind: str) -> Times:
    """Times of a, b and a again, all equally fast  # (rounds, 3, values) float64"""
    count = 3 * rounds
    if kind == "heavy tails":
        levels = source.standard_t(3, count) * 0.03 / math.sqrt(3)
    elif kind == "two modes":
        levels = source.normal(0, 0.01, count) + np.where(source.random(count) < 0.4, 0.06, 0)
    else:
        # Slow waves that several processes share, and a machine that gets slower by 10 %.
        steps = source.normal(0, 0.03, count)
        wave = np.zeros(count)
        for index in range(1, count):
            wave[index] = 0.9 * wave[index - 1] + 0.44 * steps[index]
        levels = wave + np.linspace(0, 0.1, count) + source.standard_t(3, count) * 0.015
    values = source.normal(0, 0.01, (rounds, 3, 3))
    values += np.where(source.random(values.shape) < 0.02, math.log(2), 0)
    return np.exp(levels.reshape(rounds, 3, 1) + values)


@pytest.mark.parametrize("kind", ["heavy tails", "two modes", "drift"])
def test_equal_algorithms_rarely_differ_and_five_percent_are_found(kind: str) -> None:
    source = np.random.default_rng(7)
    trials, false_alarms, found = 80, 0, 0
    for _ in range(trials):
        times = interleaved(source, 30, kind)
        a, b, again = (times[:, side].tolist() for side in range(3))
        false_alarms += compare(a, b, again).verdict != NO_EVIDENCE
        slower = (times[:, 1] * 1.05).tolist()
        found += compare(a, slower, again).verdict == "slower"
    assert false_alarms <= 0.05 * trials
    assert found >= 0.9 * trials


def test_interval_holds_the_true_ratio() -> None:
    source = np.random.default_rng(3)
    held = 0
    for _ in range(60):
        times = interleaved(source, 20, "heavy tails")
        a, again = times[:, 0].tolist(), times[:, 2].tolist()
        verdict = compare(a, (times[:, 1] * 1.3).tolist(), again)
        assert verdict.low is not None
        assert verdict.high is not None
        held += verdict.low <= 1.3 <= verdict.high
    assert held >= 52


def test_faster_is_seen_from_the_first_algorithm() -> None:
    a = [(1.0, 1.01)] * 10
    verdict = compare(a, [(0.5, 0.51)] * 10, a)
    assert verdict.verdict == "faster"
    assert verdict.ratio == pytest.approx(0.5025, rel=1e-3)


def test_difference_within_what_the_machine_shows_for_the_same_algorithm_is_not_claimed() -> None:
    a, again = [(1.0,)] * 20, [(1.06,)] * 20
    # b is as far from both runs of a as these are from each other.
    verdict = compare(a, [(1.07,)] * 20, again)
    assert verdict.verdict == NO_EVIDENCE
    assert verdict.noise == pytest.approx(0.06)
    assert "between a and a" in verdict.message


def test_too_few_rounds_claim_nothing() -> None:
    verdict = compare([(1.0,)] * 4, [(9.0,)] * 4, [(1.0,)] * 4)
    assert verdict.verdict == NO_EVIDENCE
    assert verdict.ratio == pytest.approx(9.0)
    assert (verdict.low, verdict.round_count) == (None, 4)
    assert "at least 5" in verdict.message


def test_rounds_in_which_a_process_died_are_left_out() -> None:
    a: list[tuple[float, ...]] = [(1.0,)] * 10
    b: list[tuple[float, ...]] = [(2.0,)] * 9 + [()]
    assert compare(a, b, a).round_count == 9


def test_holms_correction_is_that_of_his_procedure() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.8]) == pytest.approx((1.0, 1.0))
    assert holm([]) == ()


def test_many_sizes_do_not_bring_more_false_alarms() -> None:
    source = np.random.default_rng(11)
    alarms = 0
    for _ in range(12):
        sides = []
        for _ in range(10):
            times = interleaved(source, 12, "heavy tails")
            sides.append((times[:, 0].tolist(), times[:, 1].tolist(), times[:, 2].tolist()))
        alarms += any(verdict.verdict != NO_EVIDENCE for verdict in compare_sizes(sides))
    assert alarms <= 1


def test_recorded_results_are_compared_by_their_processes() -> None:
    source = np.random.default_rng(2)
    alarms, found = 0, 0
    for _ in range(60):
        levels = np.exp(source.normal(0, 0.02, (2, 30, 1)) + source.normal(0, 0.01, (2, 30, 3)))
        alarms += compare_recorded(levels[0].tolist(), levels[1].tolist()).verdict != NO_EVIDENCE
        verdict = compare_recorded(levels[0].tolist(), (1.05 * levels[1]).tolist())
        found += verdict.verdict == "slower"
        assert "not interleaved" in verdict.message
    assert alarms <= 4
    assert found >= 54


def test_scale_makes_up_for_a_slower_machine() -> None:
    a, b = [(1.0,), (1.01,)] * 5, [(2.0,), (2.02,)] * 5
    assert compare_recorded(a, b).ratio == pytest.approx(2.0)
    assert compare_recorded(a, b, scale=0.5).verdict == NO_EVIDENCE
