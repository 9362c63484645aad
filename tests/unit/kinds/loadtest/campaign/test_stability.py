"""When a held point has been held for long enough."""

from collections.abc import Sequence

import pytest

from tensorfleet.kinds.loadtest.campaign.stability import (
    HeldSecond,
    Standing,
    State,
    asked_for,
    growth_share,
    stand,
)
from tensorfleet.kinds.loadtest.spec import Hold

HOLD = Hold(min_seconds=3, max_seconds=30)


def seconds_of(
    ended: Sequence[int], *, scheduled: int = 100, medians: Sequence[float | None] = ()
) -> list[HeldSecond]:
    return [
        HeldSecond(
            end=number + 1,
            scheduled=scheduled,
            ended=count,
            median_seconds=medians[number] if medians else 0.01,
        )
        for number, count in enumerate(ended)
    ]


def standing(
    seconds: Sequence[HeldSecond],
    *,
    bound_seconds: float | None = 0.2,
    bound_share: float | None = 0.1,
    is_kept: bool = True,
) -> Standing:
    return stand(
        seconds, HOLD, bound_seconds=bound_seconds, bound_share=bound_share, is_kept=is_kept
    )


def test_even_point_is_over_after_the_shortest_time() -> None:
    assert not standing(seconds_of([99, 100])).is_over
    over = standing(seconds_of([99, 100, 100]))
    assert (over.state, over.is_over) == (State.STEADY, True)


def test_growing_backlog_is_its_share_of_the_arrivals() -> None:
    assert growth_share(seconds_of([98] * 10)) == pytest.approx(0.02)
    assert growth_share(seconds_of([100] * 10)) == 0.0
    assert growth_share(seconds_of([50] * 2 + [110] * 8)) == 0.0


def test_fluctuation_is_no_growth() -> None:
    assert growth_share(seconds_of([95, 104, 97, 105, 96, 103, 94, 106])) == 0.0
    assert growth_share(seconds_of([9, 10, 10, 9, 11], scheduled=10)) == 0.0


def test_small_overload_is_held_to_the_end_and_stays_growing() -> None:
    assert not standing(seconds_of([98] * 29)).is_over
    over = standing(seconds_of([98] * 30))
    assert (over.state, over.is_over) == (State.GROWING, True)


def test_overload_that_broke_the_objective_is_over_at_once() -> None:
    assert standing(seconds_of([90] * 3), is_kept=False).is_over
    assert not standing(seconds_of([90] * 3), is_kept=True).is_over


def test_large_overload_is_over_after_the_shortest_time() -> None:
    assert standing(seconds_of([60] * 3)).is_over


def test_arrivals_that_nobody_answers_are_waited_for_no_longer_than_the_bound() -> None:
    stuck = seconds_of([0] * 6, scheduled=1, medians=[None] * 6)
    assert not standing(stuck[:4], bound_seconds=2.0, bound_share=None, is_kept=False).is_over
    over = standing(stuck[:5], bound_seconds=2.0, bound_share=None, is_kept=False)
    assert (over.state, over.is_over) == (State.GROWING, True)


def test_response_times_that_still_move_are_waited_for() -> None:
    warming = [0.1, 0.08, 0.05, 0.03, 0.02, 0.02]
    early = standing(seconds_of([100] * 6, medians=warming), bound_seconds=None)
    assert (early.state, early.is_over) == (State.UNSETTLED, False)
    later = standing(seconds_of([100] * 20, medians=warming + [0.02] * 14), bound_seconds=None)
    assert (later.state, later.is_over) == (State.STEADY, True)


def test_movement_far_below_the_bound_does_not_matter() -> None:
    moving = seconds_of([100] * 4, medians=[0.001, 0.001, 0.004, 0.004])
    assert standing(moving, bound_seconds=1.0, bound_share=0.004).is_over
    assert not standing(moving, bound_seconds=0.01, bound_share=0.4).is_over


@pytest.mark.parametrize(("share", "is_over"), [(0.3, True), (0.7, False), (1.5, False), (3, True)])
def test_point_near_the_bound_is_held_longer(share: float, is_over: bool) -> None:
    held = standing(seconds_of([100] * 5), bound_share=share, is_kept=share < 1)
    assert held.is_over == is_over
    assert standing(seconds_of([100] * 30), bound_share=share, is_kept=share < 1).is_over


def test_few_answers_are_no_figures() -> None:
    assert not standing(seconds_of([1] * 9, scheduled=1)).is_over
    assert standing(seconds_of([1] * 10, scheduled=1)).is_over


def test_nothing_asked_is_nothing_known() -> None:
    assert standing([]) == Standing(state=State.UNSETTLED, growth_share=0.0, is_over=False)


def test_seconds_that_only_drain_do_not_count() -> None:
    draining = [*seconds_of([50] * 5), *seconds_of([100] * 3, scheduled=0)]
    assert len(asked_for(draining)) == 5
    assert standing(draining).state is State.GROWING
