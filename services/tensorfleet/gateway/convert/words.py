"""Enumerations of the contracts and their words in REST, as tables."""

from typing import TypeVar

from tensorfleet.orchestrator.v1 import event_pb2, job_pb2, output_pb2, task_pb2, worker_pb2
from tensorfleet.shared.rest import events, jobs, models, workers
from tensorfleet.storage.v1 import model_pb2

Number = TypeVar("Number")
Word = TypeVar("Word")

JOB_STATES: "dict[job_pb2.JobState.ValueType, jobs.JobState]" = {
    job_pb2.JOB_STATE_PENDING: "pending",
    job_pb2.JOB_STATE_RUNNING: "running",
    job_pb2.JOB_STATE_PAUSED: "paused",
    job_pb2.JOB_STATE_SUCCEEDED: "succeeded",
    job_pb2.JOB_STATE_FAILED: "failed",
    job_pb2.JOB_STATE_CANCELLED: "cancelled",
}

PRIORITIES: "dict[job_pb2.Priority.ValueType, jobs.Priority]" = {
    job_pb2.PRIORITY_NORMAL: "normal",
    job_pb2.PRIORITY_UNSPECIFIED: "normal",
    job_pb2.PRIORITY_HIGH: "high",
    job_pb2.PRIORITY_LOW: "low",
}

TASK_STATES: "dict[task_pb2.TaskState.ValueType, jobs.TaskState]" = {
    task_pb2.TASK_STATE_QUEUED: "queued",
    task_pb2.TASK_STATE_RUNNING: "running",
    task_pb2.TASK_STATE_SUCCEEDED: "succeeded",
    task_pb2.TASK_STATE_FAILED: "failed",
    task_pb2.TASK_STATE_CANCELLED: "cancelled",
}

ATTEMPT_OUTCOMES: "dict[task_pb2.AttemptOutcome.ValueType, jobs.AttemptOutcome]" = {
    task_pb2.ATTEMPT_OUTCOME_UNSPECIFIED: "running",
    task_pb2.ATTEMPT_OUTCOME_SUCCEEDED: "succeeded",
    task_pb2.ATTEMPT_OUTCOME_FAILED: "failed",
    task_pb2.ATTEMPT_OUTCOME_LOST: "lost",
    task_pb2.ATTEMPT_OUTCOME_CANCELLED: "cancelled",
    task_pb2.ATTEMPT_OUTCOME_PREEMPTED: "preempted",
}

OUTPUT_TYPES: "dict[output_pb2.Output.Type.ValueType, jobs.OutputType]" = {
    output_pb2.Output.TYPE_MODEL_VERSION: "model_version",
    output_pb2.Output.TYPE_CHECKPOINT: "checkpoint",
    output_pb2.Output.TYPE_DATASET_VERSION: "dataset_version",
    output_pb2.Output.TYPE_ARTIFACT: "artifact",
}

WORKER_STATES: "dict[worker_pb2.WorkerState.ValueType, workers.WorkerState]" = {
    worker_pb2.WORKER_STATE_ONLINE: "online",
    worker_pb2.WORKER_STATE_DRAINING: "draining",
    worker_pb2.WORKER_STATE_OFFLINE: "offline",
    worker_pb2.WORKER_STATE_QUARANTINED: "quarantined",
}

LOG_STREAMS: "dict[event_pb2.LogStream.ValueType, events.LogStream]" = {
    event_pb2.LOG_STREAM_STDOUT: "stdout",
    event_pb2.LOG_STREAM_STDERR: "stderr",
    event_pb2.LOG_STREAM_WORKER: "worker",
}

MODEL_STAGES: "dict[model_pb2.ModelStage.ValueType, models.ModelStage]" = {
    model_pb2.MODEL_STAGE_UNSPECIFIED: "none",
    model_pb2.MODEL_STAGE_STAGING: "staging",
    model_pb2.MODEL_STAGE_PRODUCTION: "production",
    model_pb2.MODEL_STAGE_ARCHIVED: "archived",
}


def number_of(table: dict[Number, Word], word: Word) -> Number:
    """The first constant that has this word."""
    return next(number for number, known in table.items() if known == word)
