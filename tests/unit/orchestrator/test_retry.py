"""Whether and when a task runs again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.orchestrator.failure import Failure
from tensorfleet.orchestrator.retry import (
    INFRASTRUCTURE_LIMITS,
    AttemptOutcome,
    EndedAttempt,
    RetryPolicy,
    RetryRule,
    next_run,
)


def failed(reason: str = "USER_CODE", code: int | None = 1, *tail: str) -> EndedAttempt:
    failure = Failure(reason=reason, message="it broke", exit_code=code, output_tail=tail)
    return EndedAttempt(outcome=AttemptOutcome.FAILED, failure=failure)


F = failed()
LOST = EndedAttempt(
    outcome=AttemptOutcome.LOST, failure=Failure(reason="WORKER_LOST", message="silent")
)
HANDED_BACK = EndedAttempt(outcome=AttemptOutcome.LOST)
PREEMPTED = EndedAttempt(outcome=AttemptOutcome.PREEMPTED)
POLICY = RetryPolicy(
    max_attempts=5, initial_backoff=timedelta(seconds=2), max_backoff=timedelta(seconds=10)
)


def delay_seconds(
    ended: list[EndedAttempt], jitter: float = 1.0, policy: RetryPolicy = POLICY
) -> float | None:
    again = next_run(policy, ended, jitter)
    return again.delay.total_seconds() if again else None


def with_rules(*rules: RetryRule, most: int = 1) -> RetryPolicy:
    return RetryPolicy(
        max_attempts=most, rules=rules, initial_backoff=timedelta(0), max_backoff=timedelta(0)
    )


def runs_again(policy: RetryPolicy, *ended: EndedAttempt) -> bool:
    return next_run(policy, ended, 0.0) is not None


def test_backoff_doubles_up_to_its_cap() -> None:
    assert [delay_seconds([F] * n) for n in range(1, 6)] == [2, 4, 8, 10, None]


def test_jitter_takes_up_to_half_away() -> None:
    assert delay_seconds([F], 0.0) == 1
    assert delay_seconds([F], 0.5) == 1.5


def test_huge_number_of_attempts_does_not_overflow() -> None:
    policy = RetryPolicy(max_attempts=1000, max_backoff=timedelta(days=1))
    assert delay_seconds([F] * 999, policy=policy) == 86_400


@pytest.mark.parametrize("end", [LOST, HANDED_BACK, PREEMPTED])
def test_attempts_that_others_ended_run_again_at_once_and_do_not_count(end: EndedAttempt) -> None:
    again = next_run(POLICY, [F, end, end, F, end], 0.5)
    assert again is not None
    assert (again.delay, again.at_front) == (timedelta(0), True)
    assert delay_seconds([F, end, end, F]) == 4


@pytest.mark.parametrize("reason", sorted(INFRASTRUCTURE_LIMITS))
def test_infrastructures_failures_have_their_own_limit(reason: str) -> None:
    policy = RetryPolicy(max_attempts=1)
    end = LOST if reason == "WORKER_LOST" else failed(reason, None)
    limit = INFRASTRUCTURE_LIMITS[reason]
    assert runs_again(policy, *[end] * limit)
    assert not runs_again(policy, *[end] * (limit + 1))
    assert not runs_again(policy, *[end] * limit, F), "the user's own limit is one attempt"


@pytest.mark.parametrize("end", [HANDED_BACK, PREEMPTED])
def test_what_was_handed_back_or_preempted_has_no_limit(end: EndedAttempt) -> None:
    assert runs_again(RetryPolicy(max_attempts=1), *[end] * 500)


def test_rule_by_exit_code_decides_instead_of_the_limit() -> None:
    policy = with_rules(RetryRule(exit_codes=frozenset({75, 76}), max_retries=2))
    assert runs_again(policy, failed(code=75), failed(code=76))
    assert not runs_again(policy, *[failed(code=75)] * 3)
    assert not runs_again(policy, failed(code=1))
    assert not runs_again(policy, failed(code=None))


def test_rule_by_reason_can_forbid_what_the_limit_allows() -> None:
    never = RetryRule(reasons=frozenset({"OUT_OF_MEMORY"}), max_retries=0)
    policy = with_rules(never, most=5)
    assert not runs_again(policy, failed("OUT_OF_MEMORY"))
    assert runs_again(policy, failed("TIMEOUT"))


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ("NCCL*timeout", True),
        ("timeout*NCCL", False),
        ("*", True),
        ("NCCL", True),
        ("nccl", False),
        ("watchdog got stuck", False),
        ("N*C*C*L*x*y", False),
    ],
)
def test_rule_by_log_pattern_looks_at_each_line_by_itself(pattern: str, fits: bool) -> None:
    policy = with_rules(RetryRule(log_pattern=pattern, max_retries=1))
    end = failed("USER_CODE", 1, "watchdog got", "stuck: NCCL operation: timeout after 30 s")
    assert runs_again(policy, end) is fits
    assert not runs_again(policy, failed()), "without output nothing fits"


def test_rule_fits_when_all_that_it_names_does_and_the_first_one_counts() -> None:
    both = RetryRule(reasons=frozenset({"USER_CODE"}), exit_codes=frozenset({7}), max_retries=0)
    code = RetryRule(exit_codes=frozenset({7}), max_retries=1)
    policy = with_rules(both, code)
    assert not runs_again(policy, failed("USER_CODE", 7))
    assert runs_again(policy, failed("TIMEOUT", 7))


def test_each_cause_counts_for_itself() -> None:
    policy = with_rules(RetryRule(exit_codes=frozenset({75}), max_retries=2), most=2)
    rule, own = failed(code=75), F
    assert runs_again(policy, rule, own, rule)
    assert not runs_again(policy, rule, own, rule, rule)
    assert not runs_again(policy, rule, own, own)


def test_rule_does_not_speak_of_attempts_that_were_lost() -> None:
    policy = with_rules(RetryRule(max_retries=0))
    assert runs_again(policy, LOST)
    assert not runs_again(policy, failed("STAGING_UNAVAILABLE"))


@given(
    st.integers(1, 1000),
    st.lists(st.sampled_from([F, LOST, PREEMPTED]), max_size=50),
    st.floats(0, 1),
)
def test_delay_is_never_over_the_cap_and_attempts_are_never_over_the_limit(
    most: int, before: list[EndedAttempt], jitter: float
) -> None:
    policy = RetryPolicy(max_attempts=most)
    ended = [*before, F]
    again = next_run(policy, ended, jitter)
    if again is None:
        assert ended.count(F) >= most
    else:
        assert ended.count(F) < most
        assert timedelta(0) <= again.delay <= policy.max_backoff


@given(st.text("ab*", max_size=12), st.text("ab", max_size=12))
def test_pattern_means_what_its_regular_expression_would(pattern: str, line: str) -> None:
    import re

    fits = re.search(".*".join(map(re.escape, pattern.split("*"))), line) is not None
    rule = RetryRule(log_pattern=pattern)
    assert rule.fits(Failure(reason="R", message="", output_tail=(line,))) is (fits or not pattern)
