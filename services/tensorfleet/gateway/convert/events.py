"""Events between protobuf and REST."""

from datetime import UTC, datetime

from tensorfleet.gateway.convert import words
from tensorfleet.gateway.convert.jobs import to_failure, to_output
from tensorfleet.gateway.convert.values import to_time, to_value
from tensorfleet.orchestrator.v1 import event_pb2
from tensorfleet.shared.rest import events
from tensorfleet.shared.rest.numbers import to_json_number


def to_event(event: event_pb2.Event) -> events.Event | None:
    """An event for a client; None for one of a sort that this version does not know."""
    sequence, task_id, attempt = event.sequence, event.task_id, event.attempt
    time = to_time(event, "time") or datetime.fromtimestamp(0, UTC)
    match event.WhichOneof("payload"):
        case "job_state":
            job = event.job_state
            return events.JobStateEvent(
                sequence=sequence,
                time=time,
                task_id=task_id,
                attempt=attempt,
                state=words.JOB_STATES[job.state],
                is_terminal=job.is_terminal,
                failure=to_failure(job.failure) if job.HasField("failure") else None,
            )
        case "task_state":
            task = event.task_state
            return events.TaskStateEvent(
                sequence=sequence,
                time=time,
                task_id=task_id,
                attempt=attempt,
                state=words.TASK_STATES[task.state],
                worker_id=task.worker_id,
                failure=to_failure(task.failure) if task.HasField("failure") else None,
                result=to_value(task.result_json),
            )
        case "progress":
            return events.ProgressEvent(
                sequence=sequence,
                time=time,
                task_id=task_id,
                attempt=attempt,
                completed=to_json_number(event.progress.completed),
                total=to_json_number(event.progress.total),
                unit=event.progress.unit,
            )
        case "metric":
            metric = event.metric
            return events.MetricEvent(
                sequence=sequence,
                time=time,
                task_id=task_id,
                attempt=attempt,
                step=metric.step if metric.HasField("step") else None,
                values={name: to_json_number(value) for name, value in metric.values.items()},
            )
        case "log":
            return events.LogEvent(
                sequence=sequence,
                time=time,
                task_id=task_id,
                attempt=attempt,
                stream=words.LOG_STREAMS[event.log.stream],
                lines=list(event.log.lines),
            )
        case "output":
            return events.OutputEvent(
                sequence=sequence,
                time=time,
                task_id=task_id,
                attempt=attempt,
                output=to_output(event.output),
            )
        case "notice":
            return events.NoticeEvent(
                sequence=sequence,
                time=time,
                task_id=task_id,
                attempt=attempt,
                reason=event.notice.reason,
                message=event.notice.message,
            )
    return None
