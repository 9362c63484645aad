"""Whether and when a task runs again."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.orchestrator.retry import AttemptOutcome, RetryPolicy, next_run

F, L = AttemptOutcome.FAILED, AttemptOutcome.LOST
POLICY = RetryPolicy(
    max_attempts=5, initial_backoff=timedelta(seconds=2), max_backoff=timedelta(seconds=10)
)


def delay_seconds(outcomes: list[AttemptOutcome], jitter: float) -> float | None:
    again = next_run(POLICY, outcomes, jitter)
    return again.delay.total_seconds() if again else None


def test_backoff_doubles_up_to_its_cap() -> None:
    assert [delay_seconds([F] * n, 1.0) for n in range(1, 6)] == [2, 4, 8, 10, None]


def test_jitter_takes_up_to_half_away() -> None:
    assert delay_seconds([F], 0.0) == 1
    assert delay_seconds([F], 0.5) == 1.5


def test_lost_attempts_run_again_at_once_and_do_not_count() -> None:
    again = next_run(POLICY, [F, L, L, F, L], 0.5)
    assert again is not None
    assert (again.delay, again.at_front) == (timedelta(0), True)
    assert delay_seconds([F, L, L, F], 1.0) == 4


@given(
    st.integers(1, 1000),
    st.lists(st.sampled_from([F, L]), max_size=50),
    st.floats(0, 1),
)
def test_delay_is_never_over_the_cap_and_attempts_are_never_over_the_limit(
    most: int, before: list[AttemptOutcome], jitter: float
) -> None:
    policy = RetryPolicy(max_attempts=most)
    outcomes = [*before, F]
    again = next_run(policy, outcomes, jitter)
    if again is None:
        assert outcomes.count(F) >= most
    else:
        assert outcomes.count(F) < most
        assert timedelta(0) <= again.delay <= policy.max_backoff
