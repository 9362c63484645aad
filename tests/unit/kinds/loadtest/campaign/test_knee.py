"""Where response times begin to grow faster than the load."""

import pytest

from tensorfleet.kinds.loadtest.campaign.knee import find_knee


def single_server(share: float) -> float:
    """Mean response time of M/M/1 with a service time of 10 ms."""
    return 0.01 / (1 - share)


def test_knee_of_a_single_server_is_at_half_its_capacity() -> None:
    # The known optimum of the power of M/M/1 (Kleinrock 1979).
    curve = [(100 * share / 20, single_server(share / 20)) for share in range(1, 20)]
    knee = find_knee(curve)
    assert knee is not None
    assert knee.value == pytest.approx(50)
    assert knee.response_seconds == pytest.approx(0.02)


def test_knee_does_not_depend_on_how_far_beyond_it_was_measured() -> None:
    curve = [(100 * share / 20, single_server(share / 20)) for share in range(1, 20)]
    knees = {find_knee(curve[:end]) for end in (17, 18, 19)}
    assert len({knee and knee.value for knee in knees}) == 1


def test_flat_curve_has_none() -> None:
    assert find_knee([(rate, 0.01) for rate in (10.0, 20, 40, 80, 160)]) is None


def test_curve_that_is_steep_from_the_first_load_on_has_none() -> None:
    assert find_knee([(load, 0.001 * 4**load) for load in (1.0, 2, 3, 4, 5)]) is None


def test_few_loads_have_none() -> None:
    assert find_knee([(10, 0.01), (20, 0.01), (40, 1.0)]) is None
    assert find_knee([(10, 0.01), (20, 0.01), (40, 1.0), (40, 1.0), (0, 1.0), (5, 0.0)]) is None


def test_one_odd_repetition_does_not_make_a_knee() -> None:
    curve = [(rate, 0.01) for rate in (10.0, 20, 40, 80, 160)] + [(160.0, 0.01), (160.0, 5.0)]
    assert find_knee(curve) is None
