"""Enumerations of the contract and of the domain, there and back."""

from tensorfleet.kinds.outcome import OutputType
from tensorfleet.orchestrator.event import LogStream
from tensorfleet.orchestrator.job import JobState, Priority
from tensorfleet.orchestrator.retry import AttemptOutcome
from tensorfleet.orchestrator.task import TaskState
from tensorfleet.orchestrator.v1 import (
    event_pb2,
    job_pb2,
    output_pb2,
    task_pb2,
    worker_pb2,
)
from tensorfleet.orchestrator.worker import WorkerState

JOB_STATES = {
    JobState.PENDING: job_pb2.JOB_STATE_PENDING,
    JobState.RUNNING: job_pb2.JOB_STATE_RUNNING,
    JobState.PAUSED: job_pb2.JOB_STATE_PAUSED,
    JobState.SUCCEEDED: job_pb2.JOB_STATE_SUCCEEDED,
    JobState.FAILED: job_pb2.JOB_STATE_FAILED,
    JobState.CANCELLED: job_pb2.JOB_STATE_CANCELLED,
}
TASK_STATES = {
    TaskState.QUEUED: task_pb2.TASK_STATE_QUEUED,
    TaskState.RUNNING: task_pb2.TASK_STATE_RUNNING,
    TaskState.SUCCEEDED: task_pb2.TASK_STATE_SUCCEEDED,
    TaskState.FAILED: task_pb2.TASK_STATE_FAILED,
    TaskState.CANCELLED: task_pb2.TASK_STATE_CANCELLED,
}
PRIORITIES = {
    Priority.HIGH: job_pb2.PRIORITY_HIGH,
    Priority.NORMAL: job_pb2.PRIORITY_NORMAL,
    Priority.LOW: job_pb2.PRIORITY_LOW,
}
OUTCOMES = {
    AttemptOutcome.SUCCEEDED: task_pb2.ATTEMPT_OUTCOME_SUCCEEDED,
    AttemptOutcome.FAILED: task_pb2.ATTEMPT_OUTCOME_FAILED,
    AttemptOutcome.LOST: task_pb2.ATTEMPT_OUTCOME_LOST,
    AttemptOutcome.CANCELLED: task_pb2.ATTEMPT_OUTCOME_CANCELLED,
    AttemptOutcome.PREEMPTED: task_pb2.ATTEMPT_OUTCOME_PREEMPTED,
}
OUTPUT_TYPES = {
    OutputType.MODEL_VERSION: output_pb2.Output.TYPE_MODEL_VERSION,
    OutputType.CHECKPOINT: output_pb2.Output.TYPE_CHECKPOINT,
    OutputType.DATASET_VERSION: output_pb2.Output.TYPE_DATASET_VERSION,
    OutputType.ARTIFACT: output_pb2.Output.TYPE_ARTIFACT,
}
LOG_STREAMS = {
    LogStream.STDOUT: event_pb2.LOG_STREAM_STDOUT,
    LogStream.STDERR: event_pb2.LOG_STREAM_STDERR,
    LogStream.WORKER: event_pb2.LOG_STREAM_WORKER,
}
WORKER_STATES = {
    WorkerState.ONLINE: worker_pb2.WORKER_STATE_ONLINE,
    WorkerState.DRAINING: worker_pb2.WORKER_STATE_DRAINING,
    WorkerState.OFFLINE: worker_pb2.WORKER_STATE_OFFLINE,
    WorkerState.QUARANTINED: worker_pb2.WORKER_STATE_QUARANTINED,
}

JOB_STATES_BACK = {number: state for state, number in JOB_STATES.items()}
TASK_STATES_BACK = {number: state for state, number in TASK_STATES.items()}
PRIORITIES_BACK = {number: priority for priority, number in PRIORITIES.items()}
OUTCOMES_BACK = {number: outcome for outcome, number in OUTCOMES.items()}
OUTPUT_TYPES_BACK = {number: kind for kind, number in OUTPUT_TYPES.items()}
LOG_STREAMS_BACK = {number: stream for stream, number in LOG_STREAMS.items()}
