"""Tasks and their attempts."""

from tensorfleet.orchestrator.convert import words
from tensorfleet.orchestrator.convert.times import to_timestamp
from tensorfleet.orchestrator.convert.values import failure_to_message, resources_to_message
from tensorfleet.orchestrator.task import Attempt, AttemptRef, Task, TaskState
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as dispatch_pb
from tensorfleet.orchestrator.v1 import task_pb2
from tensorfleet.shared.ids import TaskId


def task_to_message(task: Task) -> task_pb2.Task:
    """A task as a message."""
    return task_pb2.Task(
        id=task.id,
        job_id=task.job_id,
        index=task.index,
        state=words.TASK_STATES[task.state],
        resources=resources_to_message(task.resources),
        task_json=task.task_json,
        attempts=[attempt_to_message(attempt) for attempt in task.attempts],
        create_time=to_timestamp(task.create_time),
        result_json=task.result_json,
    )


def attempt_to_message(attempt: Attempt) -> task_pb2.Attempt:
    """An attempt as a message."""
    return task_pb2.Attempt(
        number=attempt.number,
        worker_id=attempt.worker_id,
        start_time=to_timestamp(attempt.start_time),
        end_time=to_timestamp(attempt.end_time),
        outcome=words.OUTCOMES[attempt.outcome]
        if attempt.outcome
        else task_pb2.ATTEMPT_OUTCOME_UNSPECIFIED,
        failure=failure_to_message(attempt.failure),
    )


def task_state_filter(number: "task_pb2.TaskState.ValueType") -> TaskState | None:
    """A filter's state; None for unspecified, which means any."""
    return words.TASK_STATES_BACK.get(number)


def ref_from_message(message: dispatch_pb.AttemptRef) -> AttemptRef:
    """A message as an attempt's name."""
    return AttemptRef(task_id=TaskId(message.task_id), number=message.attempt)


def ref_to_message(ref: AttemptRef) -> dispatch_pb.AttemptRef:
    """An attempt's name as a message."""
    return dispatch_pb.AttemptRef(task_id=ref.task_id, attempt=ref.number)
