"""What is measured of a point, by name."""

import msgspec
import pytest

from tensorfleet.kinds.loadtest.campaign.figure import broken_conditions, measure
from tensorfleet.kinds.loadtest.campaign.objective import parse_slo
from tensorfleet.kinds.loadtest.record import Counts
from tests.fakes.loadtest_points import point_of


def test_times_are_those_of_their_own_histogram() -> None:
    point = point_of(
        [0.1 * n for n in range(1, 101)], service=[0.01] * 3, server=[0.002], duration_seconds=10
    )
    assert measure(point, "p50") == pytest.approx(5.0, rel=1e-3)
    assert measure(point, "p99") == pytest.approx(9.9, rel=1e-3)
    assert measure(point, "min") == pytest.approx(0.1, rel=1e-3)
    assert measure(point, "max") == pytest.approx(10.0, rel=1e-3)
    assert measure(point, "mean") == pytest.approx(5.05, rel=1e-3)
    assert measure(point, "service_p99.9") == pytest.approx(0.01, rel=1e-3)
    assert measure(point, "server_max") == pytest.approx(0.002, rel=1e-3)


def test_errors_are_a_share_of_what_ended_and_the_rate_is_of_good_answers() -> None:
    point = point_of([0.1] * 100, failed=5, duration_seconds=10)
    assert measure(point, "errors") == pytest.approx(0.05)
    assert measure(point, "rate") == pytest.approx(9.5)


def test_nothing_is_measured_without_answers() -> None:
    point = msgspec.structs.replace(point_of([], duration_seconds=0.0), counts=Counts(scheduled=9))
    for figure in ("p99", "mean", "max", "service_p50", "server_p50", "errors", "rate"):
        assert measure(point, figure) is None


def test_broken_conditions_are_told_one_by_one() -> None:
    objective = parse_slo("p50<1s,p99<2s,errors<1%,server_p50<1s")
    point = point_of([0.5] * 90 + [3.0] * 10, failed=1)
    broken = [condition.text for condition in broken_conditions(objective, point)]
    assert broken == ["p99<2s", "errors<1%", "server_p50<1s"]
