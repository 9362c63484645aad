"""Which points thresholds are about."""

from tensorfleet.kinds.loadtest.campaign.objective import parse_thresholds
from tensorfleet.kinds.loadtest.campaign.threshold import judge_thresholds
from tensorfleet.kinds.loadtest.record import Search
from tests.fakes.loadtest_points import point_of

FAST, SLOW = [0.1] * 100, [1.0] * 100


def test_every_plain_point_is_judged() -> None:
    points = [point_of(FAST, label="one"), point_of(SLOW, label="two")]
    results = judge_thresholds(parse_thresholds(["p99<200ms"]), points, None)
    assert [(result.point, result.passed) for result in results] == [("one", True), ("two", False)]
    assert results[1].measured is not None


def test_of_a_search_only_the_final_run_of_the_optimum_is_judged() -> None:
    points = [
        point_of(SLOW, label="100/s", rate=100.0, phase="search"),
        point_of(FAST, label="80/s", rate=80.0, phase="search"),
        point_of(FAST, label="80/s", rate=80.0, phase="final"),
        point_of(SLOW, label="72/s", rate=72.0, phase="final"),
    ]
    search = Search(parameter="rate", slo="p99<200ms", best=80.0)
    results = judge_thresholds(parse_thresholds(["p99<200ms", "best>75"]), points, search)
    assert [(r.threshold, r.point, r.measured, r.passed) for r in results[1:]] == [
        ("best>75", "", 80.0, True)
    ]
    assert [(r.point, r.passed) for r in results[:1]] == [("80/s", True)]


def test_threshold_that_nothing_was_measured_for_is_broken() -> None:
    search = Search(parameter="load", slo="p99<2s", best=None)
    results = judge_thresholds(parse_thresholds(["p99<1s", "best>1"]), [], search)
    assert [(result.measured, result.passed) for result in results] == [(None, False)] * 2
