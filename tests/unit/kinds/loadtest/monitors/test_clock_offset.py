import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.kinds.loadtest.monitors.clock_offset import ClockOffset

STEP = 0.01


def shown(moment: float) -> float:
    """As a clock of hundredths shows it."""
    return math.floor(moment / STEP) * STEP


@given(
    st.floats(-1e5, 1e5),
    st.lists(
        st.tuples(st.floats(0.0, 5.0), st.floats(0.0001, 0.5), st.floats(0.0, 0.5)),
        min_size=1,
        max_size=20,
    ),
)
def test_true_offset_is_within_its_bounds(
    true: float, rounds: list[tuple[float, float, float]]
) -> None:
    offset = ClockOffset(STEP)
    now = 0.0
    for pause, way_there, way_back in rounds:
        asked_at = now + pause
        read_at = asked_at + way_there
        now = read_at + way_back
        offset.add(asked_at=asked_at, answered_at=now, remote=shown(read_at + true))
    assert abs(offset.seconds - true) <= offset.uncertainty_seconds + 1e-6


def test_several_answers_are_surer_than_a_step_of_the_remote_clock() -> None:
    offset = ClockOffset(STEP)
    for number in range(20):
        asked_at = number * 1.0137
        read_at = asked_at + 0.0002
        offset.add(asked_at=asked_at, answered_at=read_at + 0.0002, remote=shown(read_at + 500.123))
    assert offset.uncertainty_seconds < STEP / 5
    assert offset.seconds == pytest.approx(500.123, abs=STEP / 5)
    assert offset.to_ours(shown(600.123)) == pytest.approx(100.0, abs=STEP)


def test_slow_answers_do_not_spoil_a_quick_one() -> None:
    offset = ClockOffset(STEP)
    offset.add(asked_at=1.0, answered_at=1.001, remote=101.0)
    before = offset.uncertainty_seconds
    offset.add(asked_at=2.0, answered_at=4.0, remote=102.5)
    assert offset.uncertainty_seconds == pytest.approx(before, abs=1e-3)


def test_clock_that_was_set_is_believed_anew() -> None:
    offset = ClockOffset(STEP)
    offset.add(asked_at=1.0, answered_at=1.001, remote=101.0)
    offset.add(asked_at=2.0, answered_at=2.001, remote=202.0)
    assert offset.seconds == pytest.approx(200.0, abs=STEP)
