"""One size in a few figures."""

import numpy as np
import pytest

from tensorfleet.kinds.profile.statistics.student_t import central_area, two_sided_quantile
from tensorfleet.kinds.profile.statistics.summary import process_minima, summarize


@pytest.mark.parametrize(
    ("degrees", "table"), [(1, 12.7062), (2, 4.3027), (3, 3.1824), (10, 2.2281), (29, 2.0452)]
)
def test_students_quantiles_are_those_of_printed_tables(degrees: int, table: float) -> None:
    assert two_sided_quantile(0.95, degrees) == pytest.approx(table, abs=1e-4)
    assert central_area(table, degrees) == pytest.approx(0.95, abs=1e-5)


def test_equal_values_give_an_interval_of_no_width() -> None:
    summary = summarize([(2.0, 2.0)] * 8)
    assert (summary.median, summary.low, summary.high, summary.std) == (2.0, 2.0, 2.0, 0.0)
    assert (summary.value_count, summary.process_count) == (16, 8)


def test_one_process_has_no_interval() -> None:
    summary = summarize([(1.0, 2.0, 3.0)])
    assert (summary.median, summary.low, summary.high) == (2.0, None, None)
    assert summary.relative_half_width is None


def test_two_processes_that_nearly_agree_still_have_a_wide_interval() -> None:
    summary = summarize([(1.0, 1.0), (1.1, 1.1)])
    assert summary.low is not None
    assert summary.high is not None
    assert summary.low < 0.7
    assert summary.high > 1.5


def test_values_of_one_process_count_as_one_piece_of_evidence() -> None:
    source = np.random.default_rng(5)
    levels = np.exp(source.normal(0, 0.05, 12))
    few = summarize([(level, level) for level in levels])
    many = summarize([(level,) * 100 for level in levels])
    assert many.relative_half_width == pytest.approx(few.relative_half_width)


@pytest.mark.parametrize("count", [3, 6, 12])
def test_intervals_hold_the_true_median_as_often_as_they_say(count: int) -> None:
    source = np.random.default_rng(count)
    held = 0
    for _ in range(200):
        times = np.exp(source.normal(0, 0.03, (count, 1)) + source.normal(0, 0.01, (count, 3)))
        summary = summarize(times.tolist())
        assert summary.low is not None
        assert summary.high is not None
        held += summary.low <= 1.0 <= summary.high
    assert held >= 180


def test_processes_of_different_length_and_empty_ones_are_taken_as_they_are() -> None:
    summary = summarize([(1.0,), (1.0, 1.2), (), (1.1, 1.0, 1.1), (1.0,), (1.1,), (1.0,), (1.2,)])
    assert (summary.process_count, summary.value_count) == (7, 10)
    assert summary.median == pytest.approx(1.05)


def test_the_same_values_give_the_same_interval() -> None:
    times = np.random.default_rng(1).lognormal(0, 0.1, (10, 3)).tolist()
    assert summarize(times) == summarize(times)


def test_nothing_cannot_be_summed_up() -> None:
    with pytest.raises(ValueError, match="no values"):
        summarize([(), ()])


def test_least_values_are_those_of_processes_that_gave_any() -> None:
    assert process_minima([(3.0, 1.0, 2.0), (), (5.0,)]).tolist() == [1.0, 5.0]
    assert process_minima([]).tolist() == []
