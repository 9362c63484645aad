"""How an attempt ended, told from how its process did: pure."""

import signal
from dataclasses import dataclass
from enum import Enum

from tensorfleet.kinds.outcome import ENTRYPOINT_MISSING_STATUS
from tensorfleet.orchestrator.v1 import failure_pb2, task_pb2
from tensorfleet.shared.errors import DeadlineExceeded, TensorFleetError, Unavailable


class StopCause(Enum):
    """Why the worker itself stopped a process. The limits' names are the failures' reasons."""

    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    HANDED_BACK = "handed_back"
    PREEMPTED = "preempted"
    OUT_OF_MEMORY = "out_of_memory"
    DISK_LIMIT = "disk_limit"
    HUNG = "hung"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """That the worker stopped a process, and what it has to say about it."""

    cause: StopCause
    message: str = ""


def describe_end(
    *,
    exit_status: int,
    stop: Stop | None,
    output_tail: list[str],
) -> tuple[task_pb2.AttemptOutcome.ValueType, failure_pb2.Failure | None]:
    """The outcome, and why it was no success.

    Args:
        exit_status: As subprocess gives it: negative for a signal.
        stop: Why the worker stopped it; None when it ended by itself.
        output_tail: The last lines that it wrote.
    """
    failure = failure_pb2.Failure(output_tail=output_tail)
    if exit_status < 0:
        failure.signal = -exit_status
    else:
        failure.exit_code = exit_status
    if stop is not None:
        return _describe_stop(stop, failure), failure
    if exit_status == 0:
        return task_pb2.ATTEMPT_OUTCOME_SUCCEEDED, None
    failure.reason = "USER_CODE"
    if exit_status == ENTRYPOINT_MISSING_STATUS:
        failure.reason = "ENTRYPOINT_NOT_FOUND"
        failure.message = "the entrypoint is not in the code folder; see the log"
    elif exit_status < 0:
        failure.message = f"the process was ended by {_signal_name(-exit_status)}"
        if exit_status == -signal.SIGKILL:
            failure.message += "; often the machine ran out of memory: ask for more, or use less"
    else:
        failure.message = f"the process exited with status {exit_status}; see the log"
        if output_tail:
            failure.message = f"exit status {exit_status}: {output_tail[-1][:500]}"
    return task_pb2.ATTEMPT_OUTCOME_FAILED, failure


def staging_failure(exc: TensorFleetError | OSError) -> failure_pb2.Failure:
    """Why a task could not be prepared: by what it asks for, or by no fault of its own."""
    if isinstance(exc, OSError):
        return failure_pb2.Failure(
            reason="STAGING_UNAVAILABLE", message=f"the worker's disk or system refused: {exc}"
        )
    is_passing = isinstance(exc, Unavailable | DeadlineExceeded)
    return failure_pb2.Failure(
        reason="STAGING_UNAVAILABLE" if is_passing else "STAGING_FAILED",
        message=f"the task could not be prepared: {exc}",
    )


def _describe_stop(stop: Stop, failure: failure_pb2.Failure) -> task_pb2.AttemptOutcome.ValueType:
    failure.reason = stop.cause.name
    failure.message = stop.message
    match stop.cause:
        case StopCause.CANCELLED:
            failure.message = "cancelled by a user"
            return task_pb2.ATTEMPT_OUTCOME_CANCELLED
        case StopCause.HANDED_BACK:
            failure.message = "its worker was shut down and handed the task back"
            return task_pb2.ATTEMPT_OUTCOME_LOST
        case StopCause.PREEMPTED:
            failure.message = "it made room for a more urgent task"
            return task_pb2.ATTEMPT_OUTCOME_PREEMPTED
        case _:
            return task_pb2.ATTEMPT_OUTCOME_FAILED


def _signal_name(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"
