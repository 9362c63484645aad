"""Nested lists of JSON numbers ↔ tensors, for predictions."""

import math
import sys
from array import array
from collections.abc import Sequence
from itertools import chain
from typing import Any

from tensorfleet.inference.v1 import tensor_pb2
from tensorfleet.shared.errors import FieldError, InvalidInput, TensorFleetError, TooLarge
from tensorfleet.shared.grpc_server import MAX_MESSAGE_BYTES
from tensorfleet.shared.rest.numbers import from_json_number, to_json_number

MAX_DIMENSIONS = 16
# The rest of a message: names, shapes.
MAX_DATA_BYTES = MAX_MESSAGE_BYTES - 64 * 1024

_NOT_FINITE = frozenset({"NaN", "Infinity", "-Infinity"})

_ARRAY_TYPES: "dict[tensor_pb2.DataType.ValueType, str]" = {
    tensor_pb2.DATA_TYPE_BOOL: "B",
    tensor_pb2.DATA_TYPE_UINT8: "B",
    tensor_pb2.DATA_TYPE_INT32: "i",
    tensor_pb2.DATA_TYPE_INT64: "q",
    tensor_pb2.DATA_TYPE_FLOAT32: "f",
    tensor_pb2.DATA_TYPE_FLOAT64: "d",
}


def to_tensors(inputs: list[Any] | dict[str, Any]) -> list[tensor_pb2.Tensor]:
    """The tensors of a prediction request.

    Booleans become BOOL, whole numbers INT64, other numbers FLOAT32. A bare list is the only input
    of its model and has no name.

    Raises:
        InvalidInput: A list is empty or ragged, or has something else than numbers; the field says
            where.
        TooLarge: The numbers do not fit into one message.
    """
    named = inputs if isinstance(inputs, dict) else {"": inputs}
    if not named:
        raise _wrong("inputs", "must have at least one input")
    tensors = [
        _to_tensor(name, value, f"inputs.{name[:80]}" if name else "inputs")
        for name, value in named.items()
    ]
    if sum(len(tensor.data) for tensor in tensors) > MAX_DATA_BYTES:
        raise TooLarge(f"the inputs take more than {MAX_DATA_BYTES:,} bytes; send smaller batches")
    return tensors


def _to_tensor(name: str, value: Any, place: str) -> tensor_pb2.Tensor:
    if not isinstance(value, list):
        raise _wrong(place, "must be a list with one entry for each example")
    shape, flat = _flatten(value, place)
    data_type, data = _pack(flat, shape, place)
    return tensor_pb2.Tensor(name=name, data_type=data_type, shape=shape, data=data)


def _flatten(value: list[Any], place: str) -> tuple[list[int], list[Any]]:
    """Shape and elements, row-major."""
    shape: list[int] = []
    flat: list[Any] = [value]
    while isinstance(flat[0], list):
        extent = len(flat[0])
        for position, entry in enumerate(flat):
            if not isinstance(entry, list):
                raise _wrong(_locate(place, shape, position), "must be a list like its siblings")
            if len(entry) != extent:
                message = f"has {len(entry)} entries where its siblings have {extent}"
                raise _wrong(_locate(place, shape, position), message)
        if extent == 0:
            raise _wrong(_locate(place, shape, 0), "must not be empty")
        shape.append(extent)
        if len(shape) > MAX_DIMENSIONS:
            raise _wrong(place, f"is nested more than {MAX_DIMENSIONS} deep")
        flat = list(chain.from_iterable(flat))
    return shape, flat


def _pack(
    flat: list[Any], shape: list[int], place: str
) -> "tuple[tensor_pb2.DataType.ValueType, bytes]":
    kinds = set(map(type, flat))
    if kinds == {bool}:
        return tensor_pb2.DATA_TYPE_BOOL, bytes(flat)
    if kinds == {int}:
        try:
            return tensor_pb2.DATA_TYPE_INT64, _to_bytes(array("q", flat))
        except OverflowError:
            position = next(n for n, entry in enumerate(flat) if not -(2**63) <= entry < 2**63)
            message = "does not fit into a 64-bit integer"
            raise _wrong(_locate(place, shape, position), message) from None
    for position, entry in enumerate(flat):
        if problem := _number_problem(entry):
            raise _wrong(_locate(place, shape, position), problem)
    return tensor_pb2.DATA_TYPE_FLOAT32, _to_bytes(_to_floats(flat, shape, place))


def _number_problem(entry: Any) -> str | None:
    if isinstance(entry, bool):
        return "mixes true or false with numbers"
    if isinstance(entry, int | float) or (isinstance(entry, str) and entry in _NOT_FINITE):
        return None
    return "must be a number like its siblings" if isinstance(entry, list) else "is not a number"


def _to_floats(flat: list[Any], shape: list[int], place: str) -> "array[float]":
    try:
        values = [from_json_number(entry) for entry in flat]
        floats = array("f", values)
    except OverflowError:
        values, floats = [], array("f")
    if not values or any(map(math.isinf, floats)):
        for position, entry in enumerate(flat):
            if not isinstance(entry, str) and not _fits_float32(entry):
                message = "is too large for a 32-bit float"
                raise _wrong(_locate(place, shape, position), message)
    return floats


def _fits_float32(value: float) -> bool:
    try:
        return not math.isinf(array("f", [value])[0])
    except OverflowError:
        return False


def _to_bytes(values: "array[Any]") -> bytes:
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def _locate(place: str, shape: Sequence[int], position: int) -> str:
    """The path of an element from its row-major position."""
    indices = []
    for extent in reversed(shape):
        position, index = divmod(position, extent)
        indices.append(f"[{index}]")
    return place + "".join(reversed(indices))


def _wrong(place: str, message: str) -> InvalidInput:
    return InvalidInput(f"{place} {message}", (FieldError(field=place, message=message),))


def to_nested(tensor: tensor_pb2.Tensor) -> Any:
    """A tensor as nested lists; a scalar as a number. NaN and infinities become their names.

    Raises:
        TensorFleetError: The tensor is not consistent; a defect of whoever made it.
    """
    if tensor.data_type not in _ARRAY_TYPES:
        raise TensorFleetError(f"output {tensor.name} has the unknown type {tensor.data_type}")
    values = array(_ARRAY_TYPES[tensor.data_type])
    if len(tensor.data) != math.prod(tensor.shape) * values.itemsize:
        raise TensorFleetError(
            f"output {tensor.name} does not have as many bytes as its shape says"
        )
    values.frombytes(tensor.data)
    if sys.byteorder == "big":
        values.byteswap()
    flat: list[Any] = values.tolist()
    if tensor.data_type == tensor_pb2.DATA_TYPE_BOOL:
        flat = [entry != 0 for entry in flat]
    elif values.typecode in "fd" and not all(map(math.isfinite, flat)):
        flat = [to_json_number(entry) for entry in flat]
    return _nest(flat, tensor.shape)


def _nest(flat: list[Any], shape: Sequence[int]) -> Any:
    if not shape:
        return flat[0]
    if not flat:
        return [_nest(flat, shape[1:]) for _ in range(shape[0])] if len(shape) > 1 else []
    for extent in reversed(shape[1:]):
        flat = [flat[start : start + extent] for start in range(0, len(flat), extent)]
    return flat
