"""Little bars."""

import math

import pytest

from tensorfleet.cli.sparkline import BARS, sparkline


def test_lowest_and_highest_get_the_lowest_and_highest_bar() -> None:
    assert sparkline([0, 7, 3.5], 10) == BARS[0] + BARS[7] + BARS[4]


@pytest.mark.parametrize("count", [11, 100, 1999])
def test_many_values_fit_the_width(count: int) -> None:
    drawn = sparkline([float(n) for n in range(count)], 10)
    assert len(drawn) == 10
    assert drawn == "".join(sorted(drawn))


def test_what_is_not_finite_is_a_gap() -> None:
    assert sparkline([1.0, math.nan, math.inf, 2.0], 9) == f"{BARS[0]}  {BARS[7]}"
    assert sparkline([math.nan], 9) == " "
    assert sparkline([], 9) == ""


def test_equal_values_are_level() -> None:
    assert sparkline([3.0, 3.0], 9) == BARS[0] * 2
