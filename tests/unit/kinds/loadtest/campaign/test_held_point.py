"""How a held point is ended."""

import msgspec

from tensorfleet.kinds.loadtest.campaign.held_point import HeldPoint
from tensorfleet.kinds.loadtest.campaign.objective import parse_slo
from tensorfleet.kinds.loadtest.campaign.stability import State
from tensorfleet.kinds.loadtest.record import Counts, Second
from tensorfleet.kinds.loadtest.spec import Hold
from tests.fakes.loadtest_points import point_of, written
from tests.fakes.simulated_target import Heard


def second_of(start: int, *, failed: int = 0) -> Second:
    return Second(
        start=start,
        counts=Counts(scheduled=100, answered=100 - failed, failed=failed),
        response=written([0.01] * 100),
    )


def held_point(heard: Heard, stops: list[str]) -> HeldPoint:
    objective = parse_slo("p99<200ms,errors<0.1%")
    return HeldPoint(objective, Hold(min_seconds=3), heard, lambda: stops.append("stop"))


def test_stable_point_is_stopped_once_and_what_comes_after_does_not_count() -> None:
    heard, stops = Heard(), list[str]()
    held = held_point(heard, stops)
    for number in range(3):
        assert not held.was_stopped
        held.second(second_of(number))
    assert held.was_stopped
    standing = held.standing()
    for number in range(3, 9):
        held.second(second_of(number, failed=90))
    assert stops == ["stop"]
    assert held.standing() == standing
    assert len(heard.seconds) == 9


def test_point_of_a_runner_that_told_no_seconds_is_judged_by_its_record() -> None:
    held = held_point(Heard(), [])
    seconds = tuple(second_of(number) for number in range(4))
    point = point_of([0.01] * 400)
    assert held.final_standing(point).state is State.UNSETTLED
    point = msgspec.structs.replace(point, seconds=seconds)
    assert held.final_standing(point).state is State.STEADY
