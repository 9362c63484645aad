"""Sizes that are not tried, because smaller ones say how long they would take."""

from tensorfleet.kinds.profile.measuring.conductor import too_long


def test_quadratic_time_is_foreseen() -> None:
    known = [(1_000, 0.01), (2_000, 0.04)]
    assert too_long(100_000, known, call_seconds=60.0) is None
    problem = too_long(1_000_000, known, call_seconds=60.0)
    assert problem is not None
    assert problem.code == "TOO_LONG"
    assert "about 2.78 hours, and 60 s are allowed" in problem.message
    assert "leave size 1,000,000 out" in problem.message


def test_nothing_is_foreseen_from_one_size() -> None:
    assert too_long(10**12, [(1_000, 1.0)], call_seconds=1.0) is None
    assert too_long(10**12, [], call_seconds=1.0) is None


def test_flat_times_forbid_nothing() -> None:
    assert too_long(10**9, [(10, 1e-6), (1_000, 0.9e-6)], call_seconds=1.0) is None


def test_a_steep_start_is_not_taken_for_more_than_the_fourth_power() -> None:
    known = [(10, 1e-6), (20, 1.0)]
    problem = too_long(40, known, call_seconds=1.0)
    assert problem is not None
    assert "about 16 s" in problem.message
