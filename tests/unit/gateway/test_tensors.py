"""Nested lists and tensors."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.gateway.tensors import MAX_DATA_BYTES, to_nested, to_tensors
from tensorfleet.inference.v1 import tensor_pb2
from tensorfleet.shared.errors import InvalidInput, TensorFleetError, TooLarge

shapes = st.lists(st.integers(1, 4), min_size=1, max_size=4)


def array_of(tensor: tensor_pb2.Tensor) -> "np.ndarray[Any, Any]":
    names = {
        tensor_pb2.DATA_TYPE_BOOL: np.bool_,
        tensor_pb2.DATA_TYPE_INT64: np.int64,
        tensor_pb2.DATA_TYPE_FLOAT32: np.float32,
    }
    return np.frombuffer(tensor.data, names[tensor.data_type]).reshape(tuple(tensor.shape))


@given(shapes, st.randoms(use_true_random=False))
def test_whole_numbers_survive(shape: list[int], random: Any) -> None:
    count = math.prod(shape)
    values = [random.randint(-(2**63), 2**63 - 1) for _ in range(count)]
    array = np.array(values, dtype=np.int64).reshape(shape)
    (tensor,) = to_tensors(array.tolist())
    assert tensor.data_type == tensor_pb2.DATA_TYPE_INT64
    assert (array_of(tensor) == array).all()
    assert to_nested(tensor) == array.tolist()


@given(shapes, st.data())
def test_floats_survive(shape: list[int], data: st.DataObject) -> None:
    floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
    count = math.prod(shape)
    values = data.draw(st.lists(floats, min_size=count, max_size=count))
    array = np.array(values, dtype=np.float32).reshape(shape)
    (tensor,) = to_tensors(array.tolist())
    assert tensor.data_type == tensor_pb2.DATA_TYPE_FLOAT32
    assert (array_of(tensor) == array).all()
    assert to_nested(tensor) == array.tolist()


def test_booleans_and_mixed_numbers_have_their_types() -> None:
    tensors = to_tensors({"flags": [[True], [False]], "mixed": [1, 2.5]})
    flags, mixed = tensors
    assert (flags.name, flags.data_type) == ("flags", tensor_pb2.DATA_TYPE_BOOL)
    assert to_nested(flags) == [[True], [False]]
    assert (mixed.name, mixed.data_type) == ("mixed", tensor_pb2.DATA_TYPE_FLOAT32)
    assert to_nested(mixed) == [1.0, 2.5]


def test_numbers_that_json_cannot_write_go_by_their_names() -> None:
    (tensor,) = to_tensors(["NaN", 1, "-Infinity", "Infinity"])
    array = array_of(tensor)
    assert np.isnan(array[0])
    assert array[1:].tolist() == [1, -np.inf, np.inf]
    assert to_nested(tensor) == ["NaN", 1.0, "-Infinity", "Infinity"]


@pytest.mark.parametrize(
    ("inputs", "field", "message"),
    [
        ([], "inputs", "must not be empty"),
        ([[1], []], "inputs[1]", "has 0 entries where its siblings have 1"),
        ([[[1]], [[]]], "inputs[1][0]", "has 0 entries where its siblings have 1"),
        ([[], []], "inputs[0]", "must not be empty"),
        ([[1, 2], 3], "inputs[1]", "must be a list like its siblings"),
        ([3, [1, 2]], "inputs[1]", "must be a number like its siblings"),
        ([[1], [None]], "inputs[1][0]", "is not a number"),
        ([[1, "1"]], "inputs[0][1]", "is not a number"),
        ([{"a": 1}], "inputs[0]", "is not a number"),
        ([1.5, True], "inputs[1]", "mixes true or false with numbers"),
        ([1, -(2**63) - 1], "inputs[1]", "does not fit into a 64-bit integer"),
        ([0.5, 10**400], "inputs[1]", "is too large for a 32-bit float"),
        ([0.5, -3.5e38], "inputs[1]", "is too large for a 32-bit float"),
        ({"x": {"y": 1}}, "inputs.x", "must be a list with one entry for each example"),
        ({"x": "NaN"}, "inputs.x", "must be a list with one entry for each example"),
    ],
)
def test_wrong_place_is_named(inputs: Any, field: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        to_tensors(inputs)
    (problem,) = caught.value.fields
    assert (problem.field, problem.message) == (field, message)
    assert str(caught.value) == f"{field} {message}"


def test_too_deep_nesting_is_refused() -> None:
    value: Any = [1]
    for _ in range(100):
        value = [value]
    with pytest.raises(InvalidInput, match="nested more than 16 deep"):
        to_tensors(value)


def test_more_than_one_message_is_refused() -> None:
    row = [0] * (MAX_DATA_BYTES // 8 // 2 + 1)
    with pytest.raises(TooLarge):
        to_tensors({"a": row, "b": row})


@pytest.mark.parametrize(
    ("data_type", "numpy_type"),
    [
        (tensor_pb2.DATA_TYPE_BOOL, np.bool_),
        (tensor_pb2.DATA_TYPE_UINT8, np.uint8),
        (tensor_pb2.DATA_TYPE_INT32, np.int32),
        (tensor_pb2.DATA_TYPE_INT64, np.int64),
        (tensor_pb2.DATA_TYPE_FLOAT32, np.float32),
        (tensor_pb2.DATA_TYPE_FLOAT64, np.float64),
    ],
)
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 0), (0, 2), (2, 1, 2)])
def test_every_type_and_shape_of_an_output(
    data_type: Any, numpy_type: Any, shape: tuple[int, ...]
) -> None:
    array = np.arange(math.prod(shape)).reshape(shape).astype(numpy_type)
    tensor = tensor_pb2.Tensor(name="y", data_type=data_type, shape=shape, data=array.tobytes())
    assert to_nested(tensor) == array.tolist()


def test_inconsistent_output_is_an_error() -> None:
    for tensor in (
        tensor_pb2.Tensor(data_type=tensor_pb2.DATA_TYPE_FLOAT32, shape=[2], data=b"1234"),
        tensor_pb2.Tensor(shape=[1], data=b"1234"),
    ):
        with pytest.raises(TensorFleetError):
            to_nested(tensor)
