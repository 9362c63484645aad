"""The tables of transitions say what the contract says."""

import re
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.orchestrator.convert import words
from tensorfleet.orchestrator.job import JOB_TRANSITIONS, JobState
from tensorfleet.orchestrator.task import TASK_TRANSITIONS, TaskState, change_state
from tensorfleet.orchestrator.v1 import event_pb2, job_pb2, output_pb2, task_pb2, worker_pb2
from tensorfleet.shared.errors import TensorFleetError
from tests.unit.orchestrator.job_examples import queued_job

PROTO = Path(__file__).parents[3] / "proto/tensorfleet/orchestrator/v1"


def test_every_state_stands_in_its_table() -> None:
    assert set(JOB_TRANSITIONS) == set(JobState)
    assert set(TASK_TRANSITIONS) == set(TaskState)


@pytest.mark.parametrize(
    ("table", "enum"),
    [
        (words.JOB_STATES, job_pb2.JobState),
        (words.TASK_STATES, task_pb2.TaskState),
        (words.PRIORITIES, job_pb2.Priority),
        (words.OUTCOMES, task_pb2.AttemptOutcome),
        (words.OUTPUT_TYPES, output_pb2.Output.Type),
        (words.LOG_STREAMS, event_pb2.LogStream),
        (words.WORKER_STATES, worker_pb2.WorkerState),
    ],
)
def test_conversions_cover_the_contracts_enums(table: dict[object, int], enum: Any) -> None:
    assert sorted(table.values()) == sorted(enum.values())[1:]


def test_states_that_the_contract_calls_final_have_no_successor() -> None:
    text = (PROTO / "task.proto").read_text()
    final = re.findall(r"// [^\n]*Final[^\n]*\n\s+TASK_STATE_(\w+) =", text)
    assert {TaskState[name] for name in final} == {s for s in TaskState if s.is_terminal}


def test_transition_outside_the_table_is_a_defect() -> None:
    _, (task,) = queued_job()
    with pytest.raises(TensorFleetError, match="cannot go"):
        change_state(task, TaskState.SUCCEEDED)
