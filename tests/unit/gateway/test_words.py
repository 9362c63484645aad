"""Tables between the contracts' enumerations and REST's words."""

from typing import Any, get_args

import pytest

from tensorfleet.gateway.convert import words
from tensorfleet.orchestrator.v1 import event_pb2, job_pb2, output_pb2, task_pb2, worker_pb2
from tensorfleet.shared.rest import events, jobs, models, workers
from tensorfleet.storage.v1 import model_pb2

# Table, enumeration, its words, and whether zero ("never stored") has a word, too.
TABLES: list[tuple[dict[Any, Any], Any, Any, bool]] = [
    (words.JOB_STATES, job_pb2.JobState, jobs.JobState, False),
    (words.PRIORITIES, job_pb2.Priority, jobs.Priority, True),
    (words.TASK_STATES, task_pb2.TaskState, jobs.TaskState, False),
    (words.ATTEMPT_OUTCOMES, task_pb2.AttemptOutcome, jobs.AttemptOutcome, True),
    (words.OUTPUT_TYPES, output_pb2.Output.Type, jobs.OutputType, False),
    (words.WORKER_STATES, worker_pb2.WorkerState, workers.WorkerState, False),
    (words.LOG_STREAMS, event_pb2.LogStream, events.LogStream, False),
    (words.MODEL_STAGES, model_pb2.ModelStage, models.ModelStage, True),
]


@pytest.mark.parametrize("row", TABLES, ids=lambda row: row[1].DESCRIPTOR.name)
def test_table_is_complete(row: tuple[dict[Any, Any], Any, Any, bool]) -> None:
    table, enum, word_type, has_zero = row
    assert set(table) == {number for number in enum.values() if number or has_zero}
    assert set(table.values()) == set(get_args(word_type))


@pytest.mark.parametrize("row", TABLES, ids=lambda row: row[1].DESCRIPTOR.name)
def test_words_are_those_of_the_contract(row: tuple[dict[Any, Any], Any, Any, bool]) -> None:
    table, enum, _, _ = row
    for number, word in table.items():
        if number:
            assert enum.Name(number).endswith(word.upper())


@pytest.mark.parametrize("row", TABLES, ids=lambda row: row[1].DESCRIPTOR.name)
def test_words_lead_back(row: tuple[dict[Any, Any], Any, Any, bool]) -> None:
    table, _, word_type, _ = row
    for word in get_args(word_type):
        assert table[words.number_of(table, word)] == word
    assert words.number_of(words.PRIORITIES, "normal") == job_pb2.PRIORITY_NORMAL
