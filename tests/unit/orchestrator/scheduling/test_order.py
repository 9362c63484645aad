"""Which line is next."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.orchestrator.job import Priority
from tensorfleet.orchestrator.scheduling.order import AGEING_STEP, line_key, rank
from tensorfleet.orchestrator.scheduling.waiting import Line, Shares, Tenant, Usage
from tests.unit.orchestrator.scheduling.examples import NOW, line

HIGH, NORMAL, LOW = Priority
STEP = AGEING_STEP.total_seconds()


def ordered(*lines: Line, shares: Shares | None = None) -> list[str]:
    shares = shares or Shares()
    return [li.id for li in sorted(lines, key=lambda li: line_key(li, shares, NOW))]


@pytest.mark.parametrize(
    ("priority", "minutes", "expected"),
    [
        (HIGH, 0, 0),
        (NORMAL, 0, 1),
        (LOW, 0, 2),
        (LOW, 9.99, 2),
        (LOW, 10, 1),
        (LOW, 20, 0),
        (LOW, 45, -2),
        (HIGH, 10, -1),
        (NORMAL, -60, 1),  # a clock an hour ahead queued it
    ],
)
def test_waiting_is_worth_one_class_for_each_step(
    priority: Priority, minutes: float, expected: int
) -> None:
    assert rank(priority, timedelta(minutes=minutes)) == expected


def test_urgent_lines_go_first_whatever_their_age_within_a_step() -> None:
    low = line("low", priority=LOW, waited=STEP - 1)
    normal = line("normal", waited=5)
    high = line("high", priority=HIGH)
    assert ordered(low, normal, high) == ["high", "normal", "low"]


def test_project_with_the_smaller_share_goes_first_and_within_it_the_user() -> None:
    shares = Shares(
        projects={"big": Usage(share=10), "small": Usage(share=2)},
        tenants={Tenant(project="big", user="a"): Usage(share=1)},
    )
    lines = [
        line("busy user", tenant="big/a", waited=30),
        line("idle user", tenant="big/b"),
        line("other project", tenant="small/c"),
    ]
    assert ordered(*lines, shares=shares) == ["other project", "idle user", "busy user"]


def test_equals_take_turns_and_then_the_oldest_goes_first() -> None:
    served = line("served", served=1, waited=50)
    earlier = line("earlier", served=5, waited=10)
    never = line("never", waited=2)
    older = line("older", waited=3)
    assert ordered(served, earlier, never, older) == ["older", "never", "earlier", "served"]


def test_long_queue_of_one_user_does_not_delay_the_first_task_of_another() -> None:
    shares = Shares(projects={"crowd": Usage(share=64)})
    crowd = line("crowd", tenant="crowd/a", count=3, waited=6 * STEP, served=1)
    newcomer = line("newcomer", tenant="other/b")
    assert ordered(crowd, newcomer, shares=shares) == ["newcomer", "crowd"]


@given(
    st.sampled_from(Priority),
    st.floats(0, 20 * STEP),
    st.floats(0, 1e9),
)
def test_nothing_goes_before_a_line_that_waited_three_steps_longer(
    priority: Priority, other_waited: float, share: float
) -> None:
    """The bound: three steps after it was last served only longer waiting ones come before it."""
    starving = line("starving", priority=LOW, tenant="heavy/user", waited=other_waited + 3 * STEP)
    other = line("other", priority=priority, tenant="light/user", waited=other_waited)
    shares = Shares(projects={"heavy": Usage(share=share)})
    assert ordered(other, starving, shares=shares) == ["starving", "other"]
