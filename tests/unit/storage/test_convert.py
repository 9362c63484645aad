"""Contract messages ↔ domain objects."""

import pytest

from tensorfleet.shared.errors import InvalidInput
from tensorfleet.shared.ids import JobId, TaskId
from tensorfleet.storage import convert
from tensorfleet.storage.model import ModelSource, ModelStage
from tensorfleet.storage.v1 import model_pb2


def test_empty_source_means_by_hand() -> None:
    assert convert.source_from_proto(model_pb2.ModelSource()) is None


def test_source_names_job_task_and_attempt() -> None:
    source = convert.source_from_proto(model_pb2.ModelSource(job_id="j", task_id="t", attempt=2))
    assert source == ModelSource(job_id=JobId("j"), task_id=TaskId("t"), attempt=2)


@pytest.mark.parametrize(
    "source",
    [
        model_pb2.ModelSource(job_id="j"),
        model_pb2.ModelSource(task_id="t", attempt=1),
        model_pb2.ModelSource(job_id="j", task_id="t"),
        model_pb2.ModelSource(attempt=1),
    ],
)
def test_partial_source_is_refused(source: model_pb2.ModelSource) -> None:
    with pytest.raises(InvalidInput, match="source"):
        convert.source_from_proto(source)


def test_every_stage_has_its_contract_value() -> None:
    assert set(convert.STAGES) == set(ModelStage)
    assert set(convert.STAGES.values()) == set(model_pb2.ModelStage.values())
