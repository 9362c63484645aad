"""Events: told by workers, shown to clients."""

from datetime import UTC

from tensorfleet.kinds.outcome import ProducedOutput
from tensorfleet.orchestrator.convert import words
from tensorfleet.orchestrator.convert.times import to_timestamp
from tensorfleet.orchestrator.convert.values import (
    failure_to_message,
    output_from_message,
    output_to_message,
)
from tensorfleet.orchestrator.event import (
    Event,
    EventDraft,
    JobStateChange,
    LogLines,
    LogStream,
    Metric,
    Notice,
    Payload,
    Progress,
    TaskStateChange,
)
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as dispatch_pb
from tensorfleet.orchestrator.v1 import event_pb2
from tensorfleet.shared.errors import InvalidInput


def event_to_message(event: Event) -> event_pb2.Event:
    """An event as a message."""
    message = event_pb2.Event(
        job_id=event.job_id,
        sequence=event.sequence,
        time=to_timestamp(event.draft.time),
        task_id=event.draft.task_id,
        attempt=event.draft.attempt,
    )
    match event.draft.payload:
        case JobStateChange(state=job_state, failure=failure):
            message.job_state.CopyFrom(
                event_pb2.JobStateChange(
                    state=words.JOB_STATES[job_state],
                    is_terminal=job_state.is_terminal,
                    failure=failure_to_message(failure),
                )
            )
        case TaskStateChange(
            state=task_state, worker_id=worker_id, failure=failure, result_json=result_json
        ):
            # Most events are these: set in place, they cost half of a copied message.
            told = message.task_state
            told.state = words.TASK_STATES[task_state]
            told.worker_id = worker_id
            told.result_json = result_json
            if failure is not None:
                told.failure.CopyFrom(failure_to_message(failure))
        case Progress(completed=completed, total=total, unit=unit):
            message.progress.CopyFrom(
                event_pb2.Progress(completed=completed, total=total, unit=unit)
            )
        case Metric(step=step, values=values):
            message.metric.CopyFrom(event_pb2.Metric(step=step, values=values))
        case LogLines(stream=stream, lines=lines):
            message.log.CopyFrom(event_pb2.LogLines(stream=words.LOG_STREAMS[stream], lines=lines))
        case ProducedOutput() as output:
            message.output.CopyFrom(output_to_message(output))
        case Notice(reason=reason, message=text):
            message.notice.CopyFrom(event_pb2.Notice(reason=reason, message=text))
    return message


def drafts_from_message(message: dispatch_pb.AttemptEvents) -> list[EventDraft]:
    """What an attempt reports, numbered as it numbers it.

    Raises:
        InvalidInput: A worker may not report this type of event.
    """
    return [
        EventDraft(
            time=event.time.ToDatetime(UTC),
            payload=_payload_from_message(event),
            task_id=message.ref.task_id,
            attempt=message.ref.attempt,
            source_sequence=number,
        )
        for number, event in enumerate(message.events, message.first_source_sequence)
    ]


def _payload_from_message(event: event_pb2.Event) -> Payload:
    match event.WhichOneof("payload"):
        case "progress":
            progress = event.progress
            return Progress(completed=progress.completed, total=progress.total, unit=progress.unit)
        case "metric":
            metric = event.metric
            step = metric.step if metric.HasField("step") else None
            return Metric(step=step, values=dict(metric.values))
        case "log":
            stream = words.LOG_STREAMS_BACK.get(event.log.stream, LogStream.STDOUT)
            return LogLines(stream=stream, lines=tuple(event.log.lines))
        case "output":
            return output_from_message(event.output)
        case other:
            raise InvalidInput(f"a worker may not report events of type {other}")
