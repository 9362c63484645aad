"""What workers and the orchestrator say in a session, and workers as clients see them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from tensorfleet.orchestrator.convert import words
from tensorfleet.orchestrator.convert.tasks import ref_to_message
from tensorfleet.orchestrator.convert.times import to_duration, to_timestamp
from tensorfleet.orchestrator.convert.values import (
    failure_from_message,
    output_from_message,
    resources_from_message,
    resources_to_message,
)
from tensorfleet.orchestrator.job import Job
from tensorfleet.orchestrator.job_changes import AttemptEnd
from tensorfleet.orchestrator.peer import Meeting
from tensorfleet.orchestrator.task import AttemptRef, Task
from tensorfleet.orchestrator.v1 import dispatch_service_pb2 as dispatch_pb
from tensorfleet.orchestrator.v1 import worker_pb2
from tensorfleet.orchestrator.worker import Worker, WorkerState
from tensorfleet.shared.errors import InvalidInput
from tensorfleet.shared.ids import TaskId, WorkerId


def end_from_message(message: dispatch_pb.AttemptFinished) -> AttemptEnd:
    """How a worker says that an attempt ended.

    Raises:
        InvalidInput: The outcome or an output's type is none.
    """
    if message.outcome not in words.OUTCOMES_BACK:
        raise InvalidInput(f"attempt outcome {message.outcome} is unknown")
    return AttemptEnd(
        outcome=words.OUTCOMES_BACK[message.outcome],
        failure=failure_from_message(message.failure) if message.HasField("failure") else None,
        outputs=tuple(output_from_message(output) for output in message.outputs),
        result_json=message.result_json,
    )


def assignment_record(
    job: Job, tasks: Sequence[tuple[AttemptRef, Task]]
) -> dispatch_pb.OrchestratorRecord:
    """The order to run attempts at tasks of one job."""
    return dispatch_pb.OrchestratorRecord(
        assignment=dispatch_pb.Assignment(
            tasks=[
                dispatch_pb.AssignedTask(
                    ref=dispatch_pb.AttemptRef(task_id=ref.task_id, attempt=ref.number),
                    index=task.index,
                    task_json=task.task_json,
                )
                for ref, task in tasks
            ],
            job_id=job.id,
            kind=job.spec.kind,
            code_artifact_id=job.spec.code_artifact_id,
            resources=resources_to_message(job.spec.resources),
            attempt_timeout=to_duration(job.spec.attempt_timeout),
            owner=job.owner,
            project=job.project,
            job_name=job.spec.name,
            task_count=job.task_count,
        )
    )


def stop_record(
    ref: AttemptRef, reason: "dispatch_pb.StopAttempt.Reason.ValueType", grace: timedelta
) -> dispatch_pb.OrchestratorRecord:
    """The order to stop an attempt."""
    return dispatch_pb.OrchestratorRecord(
        stop=dispatch_pb.StopAttempt(
            ref=ref_to_message(ref), reason=reason, grace=to_duration(grace)
        )
    )


def meeting_to_message(meeting: Meeting) -> dispatch_pb.MeetPeersResponse:
    """How far a meeting is, as a message."""
    return dispatch_pb.MeetPeersResponse(
        peers=[
            dispatch_pb.Peer(index=peer.index, attempt=peer.attempt, address=peer.address)
            for peer in meeting.peers
        ],
        missing_indexes=meeting.missing_indexes,
    )


def worker_from_register(message: dispatch_pb.Register, now: datetime) -> Worker:
    """A worker's introduction."""
    return Worker(
        id=WorkerId(message.worker_id),
        instance_id=message.instance_id,
        version=message.version,
        hostname=message.hostname,
        capacity=resources_from_message(message.capacity),
        slots=message.slots,
        is_leaving=False,
        create_time=now,
        register_time=now,
    )


def worker_to_message(
    worker: Worker,
    state: WorkerState,
    last_seen: datetime | None,
    running_task_ids: Sequence[TaskId],
    usage: worker_pb2.MachineSample | None = None,
) -> worker_pb2.Worker:
    """A worker as a message."""
    is_quarantined = state is WorkerState.QUARANTINED
    return worker_pb2.Worker(
        id=worker.id,
        state=words.WORKER_STATES[state],
        capacity=resources_to_message(worker.capacity),
        slots=worker.slots,
        running_task_ids=running_task_ids,
        version=worker.version,
        hostname=worker.hostname,
        create_time=to_timestamp(worker.create_time),
        last_seen_time=to_timestamp(last_seen),
        quarantine_end_time=to_timestamp(worker.quarantine_end_time) if is_quarantined else None,
        usage=usage,
    )
