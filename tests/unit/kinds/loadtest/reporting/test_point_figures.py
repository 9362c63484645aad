"""Numbers of points."""

import pytest
from msgspec.structs import replace

from tensorfleet.kinds.loadtest.arrivals import Closed, Ramp
from tensorfleet.kinds.loadtest.record import Counts
from tensorfleet.kinds.loadtest.reporting.point_figures import PointFigures
from tests.unit.kinds.loadtest.documents_by_hand import histogram, point


def test_spread_is_that_of_all_times_to_a_thousandth() -> None:
    times = [0.001 * n for n in range(1, 1001)]
    figures = PointFigures(replace(point(), response=histogram(times).encode())).response.figures()
    expected = {
        "mean": 0.5005,
        "min": 0.001,
        "max": 1.0,
        "p50": 0.5,
        "p90": 0.9,
        "p95": 0.95,
        "p99": 0.99,
        "p99.9": 0.999,
        "p99.99": 1.0,
        "p99.999": 1.0,
    }
    assert figures == pytest.approx(expected, rel=1.1e-3)
    assert list(figures) == list(expected)


def test_rates_are_over_the_whole_run_and_sends_over_the_planned_time() -> None:
    one = replace(point(200.0, seconds=10), duration_seconds=12.5)
    figures = PointFigures(one)
    assert figures.asked_rate == 200
    assert figures.sent_rate == pytest.approx(200)
    assert figures.answered_rate == pytest.approx(2000 / 12.5)
    waited = PointFigures(replace(one, counts=replace(one.counts, held=5)))
    assert waited.sent_rate == pytest.approx(2000 / 12.5)


def test_short_runs_do_not_seem_faster_than_they_were() -> None:
    """The last arrival of 10 s at 1/s is at 9 s."""
    one = replace(
        point(1.0, seconds=10), duration_seconds=9.01, counts=Counts(scheduled=10, answered=10)
    )
    assert PointFigures(one).answered_rate == pytest.approx(1.0)
    cut = replace(one, interrupted=True, counts=Counts(scheduled=10, answered=9))
    assert PointFigures(cut).answered_rate == pytest.approx(9 / 9.01)


def test_asked_rate_of_changing_arrivals_is_the_mean_and_of_closed_loops_unknown() -> None:
    ramp = Ramp(from_rate=0.0, to_rate=400.0, duration_seconds=10.0)
    one = replace(point(200.0), rate=None, arrivals=ramp)
    assert PointFigures(one).asked_rate == pytest.approx(200)
    assert PointFigures(replace(one, interrupted=True)).asked_rate is None
    closed = replace(one, arrivals=Closed(users=3, duration_seconds=10.0))
    assert PointFigures(closed).asked_rate is None


def test_errors_are_a_share_of_those_that_ended() -> None:
    one = replace(point(), counts=Counts(scheduled=120, answered=90, failed=10))
    figures = PointFigures(one)
    assert figures.error_share == pytest.approx(0.1)
    assert figures.open_count == 20
    assert PointFigures(replace(one, counts=Counts(scheduled=3))).error_share is None


def test_verdict_of_an_invalid_point_is_loud_even_when_it_was_interrupted() -> None:
    assert PointFigures(point()).verdict == "valid"
    assert PointFigures(replace(point(), interrupted=True)).verdict == "interrupted"
    assert PointFigures(replace(point(is_valid=False), interrupted=True)).verdict == "INVALID"
