"""How people write what a target is to keep."""

import pytest

from tensorfleet.kinds.loadtest.campaign.objective import (
    parse_condition,
    parse_slo,
    parse_thresholds,
    response_bound,
)
from tensorfleet.shared.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "figure", "sign", "bound"),
    [
        ("p99<200ms", "p99", "<", 0.2),
        (" P99.9 <= 1.5 s ", "p99.9", "<=", 1.5),
        ("p99.999<250us", "p99.999", "<", 0.00025),
        ("p50<80µs", "p50", "<", 0.00008),
        ("max<3e2ns", "max", "<", 3e-7),
        ("avg<1s", "mean", "<", 1.0),
        ("response_p95<1s", "p95", "<", 1.0),
        ("service_p99<10ms", "service_p99", "<", 0.01),
        ("server_mean<10ms", "server_mean", "<", 0.01),
        ("errors<0.1%", "errors", "<", 0.001),
        ("errors<=0.02", "errors", "<=", 0.02),
        ("rate>450", "rate", ">", 450.0),
        ("rate>=450/s", "rate", ">=", 450.0),
        ("best>1000rps", "best", ">", 1000.0),
    ],
)
def test_condition_is_read_with_its_unit(text: str, figure: str, sign: str, bound: float) -> None:
    condition = parse_condition(text)
    assert (condition.figure, condition.sign) == (figure, sign)
    assert condition.bound == pytest.approx(bound)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no condition"),
        ("p99", "no condition"),
        ("p99=200ms", "no condition"),
        ("p99<200", "unit"),
        ("p99<200min", "unit"),
        ("p99<5%", "unit"),
        ("p99<1.2.3s", "no number"),
        ("p999<1s", 'write "p99.9"'),
        ("p0<1s", "names no figure"),
        ("p100<1s", "names no figure"),
        ("latency<1s", "names no figure"),
        ("service_errors<1%", "names no figure"),
        ("p99>200ms", 'write "p99<'),
        ("errors>1%", 'write "errors<'),
        ("rate<100", 'write "rate>'),
        ("errors<5", "at most 1"),
        ("errors<5ms", "unit"),
    ],
)
def test_wrong_condition_is_refused_with_what_to_write(text: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        parse_condition(text)


def test_search_objective_without_errors_gets_a_bound_on_them() -> None:
    assert parse_slo("p99<200ms").text == "p99<200ms,errors<1%"
    assert parse_slo("p99 < 200ms, errors < 5%").text == "p99<200ms,errors<5%"


@pytest.mark.parametrize("text", ["", " , ", "rate>10,p99<1s", "best>3"])
def test_search_objective_must_be_something_that_a_search_can_keep(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_slo(text)


def test_tightest_bound_is_the_lowest_of_times() -> None:
    assert parse_slo("p50<100ms,p99<2s,errors<0.001%").tightest_seconds == pytest.approx(0.1)
    assert parse_slo("errors<1%").tightest_seconds is None


def test_bound_of_a_load_search_is_a_percentile() -> None:
    assert response_bound(99.9, 2.0).text == "p99.9<2s,errors<1%"
    assert response_bound(100.0, 0.5).text == "max<0.5s,errors<1%"
    for percentile, seconds in ((99.0, 0.0), (99.0, -1.0), (0.0, 1.0), (101.0, 1.0)):
        with pytest.raises(InvalidInput):
            response_bound(percentile, seconds)


def test_one_threshold_may_hold_several_conditions() -> None:
    conditions = parse_thresholds(("p99<1s, errors<1%", "rate>3"))
    assert [condition.text for condition in conditions] == ["p99<1s", "errors<1%", "rate>3"]


def test_condition_never_allows_what_was_not_measured() -> None:
    condition = parse_condition("p99<=1s")
    assert condition.allows(1.0)
    assert not condition.allows(1.0001)
    assert not condition.allows(None)
    assert not parse_condition("p99<1s").allows(1.0)
    assert parse_condition("rate>=5").allows(5.0)
    assert not parse_condition("rate>5").allows(5.0)
