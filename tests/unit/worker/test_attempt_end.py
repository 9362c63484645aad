"""How the end of a process is told."""

import pytest

from tensorfleet.kinds.outcome import ENTRYPOINT_MISSING_STATUS
from tensorfleet.orchestrator.v1 import failure_pb2, task_pb2
from tensorfleet.worker.attempt_end import Stop, StopCause, describe_end


def end(
    exit_status: int, stop_cause: StopCause | None = None
) -> tuple[task_pb2.AttemptOutcome.ValueType, failure_pb2.Failure | None]:
    return describe_end(
        exit_status=exit_status,
        stop=Stop(cause=stop_cause, message="because") if stop_cause else None,
        output_tail=["before", "Error: boom"],
    )


def test_exit_zero_is_success() -> None:
    assert end(0) == (task_pb2.ATTEMPT_OUTCOME_SUCCEEDED, None)


@pytest.mark.parametrize(
    ("status", "cause", "outcome", "reason"),
    [
        (3, None, task_pb2.ATTEMPT_OUTCOME_FAILED, "USER_CODE"),
        (-9, None, task_pb2.ATTEMPT_OUTCOME_FAILED, "USER_CODE"),
        (
            ENTRYPOINT_MISSING_STATUS,
            None,
            task_pb2.ATTEMPT_OUTCOME_FAILED,
            "ENTRYPOINT_NOT_FOUND",
        ),
        (-15, StopCause.CANCELLED, task_pb2.ATTEMPT_OUTCOME_CANCELLED, "CANCELLED"),
        (0, StopCause.CANCELLED, task_pb2.ATTEMPT_OUTCOME_CANCELLED, "CANCELLED"),
        (-15, StopCause.TIMEOUT, task_pb2.ATTEMPT_OUTCOME_FAILED, "TIMEOUT"),
        (0, StopCause.HANDED_BACK, task_pb2.ATTEMPT_OUTCOME_LOST, "HANDED_BACK"),
        (0, StopCause.PREEMPTED, task_pb2.ATTEMPT_OUTCOME_PREEMPTED, "PREEMPTED"),
        (-9, StopCause.OUT_OF_MEMORY, task_pb2.ATTEMPT_OUTCOME_FAILED, "OUT_OF_MEMORY"),
        (-9, StopCause.DISK_LIMIT, task_pb2.ATTEMPT_OUTCOME_FAILED, "DISK_LIMIT"),
        (-9, StopCause.HUNG, task_pb2.ATTEMPT_OUTCOME_FAILED, "HUNG"),
    ],
)
def test_other_ends_have_their_reason(
    status: int, cause: StopCause | None, outcome: int, reason: str
) -> None:
    told, failure = end(status, cause)
    assert failure is not None
    assert (told, failure.reason) == (outcome, reason)


def test_failure_carries_exit_code_last_line_and_tail() -> None:
    _, failure = end(3)
    assert failure is not None
    assert failure.exit_code == 3
    assert "boom" in failure.message
    assert list(failure.output_tail) == ["before", "Error: boom"]


def test_failure_carries_the_signal_and_a_hint() -> None:
    _, failure = end(-9)
    assert failure is not None
    assert (failure.signal, failure.HasField("exit_code")) == (9, False)
    assert "memory" in failure.message
