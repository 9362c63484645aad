"""Contract messages ↔ domain objects."""

import pytest

from tensorfleet.inference import convert
from tensorfleet.inference.tensor import DataType
from tensorfleet.inference.v1 import tensor_pb2
from tensorfleet.shared.errors import InvalidInput


def test_every_element_type_of_the_contract_is_known() -> None:
    known = set(convert.DATA_TYPES) | {tensor_pb2.DATA_TYPE_UNSPECIFIED}
    assert known == set(tensor_pb2.DataType.values())
    assert set(convert.DATA_TYPES.values()) == set(DataType)


@pytest.mark.parametrize("number", [0, 99])
def test_unknown_element_type_is_refused(number: int) -> None:
    tensor = tensor_pb2.Tensor(name="x")
    tensor.data_type = number  # type: ignore[assignment]  # from a newer client
    with pytest.raises(InvalidInput, match="data_type"):
        convert.tensors_from_proto([tensor])
