"""The small values that jobs, tasks and events share."""

from typing import overload

from tensorfleet.kinds.outcome import ProducedOutput
from tensorfleet.orchestrator.convert import words
from tensorfleet.orchestrator.failure import MAX_TAIL_LINES, Failure
from tensorfleet.orchestrator.resources import Resources
from tensorfleet.orchestrator.v1 import (
    failure_pb2,
    output_pb2,
    resources_pb2,
)
from tensorfleet.shared.errors import InvalidInput


def resources_to_message(resources: Resources) -> resources_pb2.Resources:
    """Resources as a message."""
    return resources_pb2.Resources(
        cpus=resources.cpus,
        memory_bytes=resources.memory_bytes,
        gpus=resources.gpus,
        gpu_kind=resources.gpu_kind,
        labels=resources.labels,
        exclusive=resources.is_exclusive,
    )


def resources_from_message(message: resources_pb2.Resources) -> Resources:
    """Resources as a worker tells them: nothing is filled in."""
    return Resources(
        cpus=message.cpus,
        memory_bytes=message.memory_bytes,
        gpus=message.gpus,
        gpu_kind=message.gpu_kind,
        labels=dict(message.labels),
        is_exclusive=message.exclusive,
    )


@overload
def failure_to_message(failure: Failure) -> failure_pb2.Failure: ...
@overload
def failure_to_message(failure: None) -> None: ...
def failure_to_message(failure: Failure | None) -> failure_pb2.Failure | None:
    """A failure as a message; None stays absent."""
    if failure is None:
        return None
    return failure_pb2.Failure(
        reason=failure.reason,
        message=failure.message,
        exit_code=failure.exit_code,
        signal=failure.signal,
        output_tail=failure.output_tail,
    )


def failure_from_message(message: failure_pb2.Failure) -> Failure:
    """A message as a failure."""
    return Failure(
        reason=message.reason,
        message=message.message,
        exit_code=message.exit_code if message.HasField("exit_code") else None,
        signal=message.signal if message.HasField("signal") else None,
        output_tail=tuple(message.output_tail[-MAX_TAIL_LINES:]),
    )


def output_to_message(output: ProducedOutput) -> output_pb2.Output:
    """An output as a message."""
    return output_pb2.Output(
        type=words.OUTPUT_TYPES[output.type],
        name=output.name,
        version=output.version,
        artifact_id=output.artifact_id,
    )


def output_from_message(message: output_pb2.Output) -> ProducedOutput:
    """A message as an output.

    Raises:
        InvalidInput: Its type is none.
    """
    if message.type not in words.OUTPUT_TYPES_BACK:
        raise InvalidInput(f"output type {message.type} is unknown")
    return ProducedOutput(
        type=words.OUTPUT_TYPES_BACK[message.type],
        name=message.name,
        version=message.version,
        artifact_id=message.artifact_id,
    )
