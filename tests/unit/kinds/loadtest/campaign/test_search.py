"""Which value a search tries next, against targets whose limit is known."""

import random
from collections.abc import Callable

import pytest

from tensorfleet.kinds.loadtest.campaign.search import (
    Range,
    Trial,
    Verdict,
    bounds_of,
    loads,
    next_value,
    rates,
)

KEPT, BROKEN, INVALID = Verdict.KEPT, Verdict.BROKEN, Verdict.INVALID


def search(within: Range, judge: Callable[[float], Verdict]) -> list[Trial]:
    trials: list[Trial] = []
    while (value := next_value(within, trials)) is not None:
        trials.append(Trial(value, judge(value)))
        assert len(trials) < 200
    return trials


def limit_at(limit: float) -> Callable[[float], Verdict]:
    return lambda value: KEPT if value <= limit else BROKEN


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 9, 100, 101, 999_999])
def test_largest_load_is_found_exactly(limit: int) -> None:
    found = bounds_of(search(loads(1, 1_000_000), limit_at(limit)))
    assert (found.best, found.failed_at, found.is_judged) == (limit, limit + 1, True)


@pytest.mark.parametrize("limit", [10.0, 10.1, 19.9, 333.0, 12_345.6, 987_654.0])
def test_highest_rate_is_found_to_the_precision(limit: float) -> None:
    found = bounds_of(search(rates(10, 1_000_000, 0.02), limit_at(limit)))
    assert found.best is not None
    assert found.failed_at is not None
    assert found.best <= limit < found.failed_at <= found.best * 1.02


def test_search_rises_before_it_halves_and_tries_both_bounds_again() -> None:
    trials = search(loads(1, 1000), limit_at(11))
    assert [trial.value for trial in trials] == [1, 2, 3, 4, 6, 9, 13, 11, 12, 12, 11]


def test_rate_doubles() -> None:
    trials = search(rates(10, 1000, 0.5), limit_at(70))
    assert [trial.value for trial in trials] == [10, 20, 40, 80, 60, 80, 60]


def test_limit_below_the_start_is_searched_downwards() -> None:
    found = bounds_of(search(rates(100, 1000, 0.02), limit_at(3.3)))
    assert found.best is not None
    assert 3.2 < found.best <= 3.3
    assert bounds_of(search(loads(50, 1000), limit_at(3))).best == 3


def test_target_that_keeps_nothing_has_no_best() -> None:
    assert bounds_of(search(loads(5, 1000), limit_at(0))).best is None
    found = bounds_of(search(rates(10, 1000, 0.02), limit_at(0)))
    assert (found.best, found.is_judged) == (None, True)


def test_target_that_keeps_everything_ends_at_the_most() -> None:
    found = bounds_of(search(rates(10, 100, 0.02), limit_at(1e9)))
    assert (found.best, found.failed_at) == (100, None)
    found = bounds_of(search(loads(7, 7), limit_at(1e9)))
    assert (found.best, found.failed_at) == (7, None)
    assert next_value(rates(500, 100, 0.02), []) == 100


def test_generator_that_is_the_limit_is_not_the_targets() -> None:
    trials = search(
        rates(10, 1e6, 0.02), lambda value: INVALID if value > 500 else limit_at(1e9)(value)
    )
    found = bounds_of(trials)
    assert found.best is not None
    assert 490 <= found.best <= 500
    assert not found.is_judged


def test_targets_limit_below_the_generators_is_still_found() -> None:
    trials = search(
        rates(10, 1e6, 0.02), lambda value: INVALID if value > 500 else limit_at(450)(value)
    )
    found = bounds_of(trials)
    assert found.best is not None
    assert 440 <= found.best <= 450
    assert found.is_judged


@pytest.mark.parametrize("wrong_trial", range(12))
def test_one_wrong_trial_anywhere_does_not_make_the_answer_wrong(wrong_trial: int) -> None:
    count = iter(range(200))

    def judge(value: float) -> Verdict:
        truth = limit_at(333)(value)
        if next(count) != wrong_trial:
            return truth
        return BROKEN if truth is KEPT else KEPT

    found = bounds_of(search(rates(10, 100_000, 0.02), judge))
    assert found.best is not None
    assert found.best <= 333 <= found.best * 1.021


def test_trials_that_are_wrong_now_and_then_hardly_matter() -> None:
    wrong = 0
    for seed in range(200):
        source = random.Random(seed)  # noqa: S311

        def judge(value: float, source: random.Random = source) -> Verdict:
            truth = limit_at(333)(value)
            return truth if source.random() > 0.02 else (BROKEN if truth is KEPT else KEPT)

        best = bounds_of(search(rates(10, 100_000, 0.02), judge)).best
        wrong += best is None or not 0.95 * 333 < best < 1.05 * 333
    # It takes two wrong ones at the same value.
    assert wrong <= 4


def test_two_trials_that_differ_are_decided_by_a_third() -> None:
    within = loads(1, 4)
    trials = [Trial(4, BROKEN), Trial(4, KEPT)]
    assert next_value(within, trials) == 4
    assert bounds_of([*trials, Trial(4, KEPT)]).best == 4
    assert bounds_of([*trials, Trial(4, INVALID)]) == bounds_of([Trial(4, INVALID)])


def test_steep_work_is_climbed_in_short_steps() -> None:
    within = loads(1, 1000, bound_seconds=2.0)
    timed = [Trial(8, KEPT, 0.01), Trial(16, KEPT, 0.5)]
    # ln(0.5 / 0.01) / 8 = 0.49 a load, so that 2 s would be 2.8 loads further.
    assert next_value(within, timed) == 19
    assert next_value(within, [Trial(8, KEPT, 0.01), Trial(16, KEPT, 0.01)]) == 24
    assert next_value(within, [Trial(1, KEPT, 0.5), Trial(2, KEPT, 1.99)]) == 3
    assert next_value(within, [Trial(8, KEPT, None), Trial(16, KEPT, None)]) == 24
