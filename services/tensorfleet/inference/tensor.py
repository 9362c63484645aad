"""Tensors as they travel, and whether they fit a model's signature."""

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass

from tensorfleet.shared.errors import FieldError, InvalidInput


class DataType(enum.Enum):
    """Element types, by the names that signatures use."""

    BOOL = "bool"
    UINT8 = "uint8"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"


SIZE_BYTES = {
    DataType.BOOL: 1,
    DataType.UINT8: 1,
    DataType.INT32: 4,
    DataType.INT64: 8,
    DataType.FLOAT32: 4,
    DataType.FLOAT64: 8,
}

# In a signature's shape: any extent. In the first dimension it is the batch.
FREE = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """What a model says of one of its inputs or outputs. `shape` may have FREE extents."""

    name: str
    data_type: DataType
    shape: tuple[int, ...]

    @property
    def has_batch(self) -> bool:
        """Whether the first dimension is the batch."""
        return self.shape[:1] == (FREE,)

    def describe_shape(self) -> str:
        """The shape for people: `[batch, 64]`."""
        extents = [str(extent) if extent != FREE else "any" for extent in self.shape]
        if self.has_batch:
            extents[0] = "batch"
        return f"[{', '.join(extents)}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """An array of numbers; `data` is row-major and little-endian."""

    name: str
    data_type: DataType
    shape: tuple[int, ...]
    data: bytes


def wrong_input(name: str, message: str) -> InvalidInput:
    """The error for an input that does not fit."""
    return InvalidInput(
        f"input {name!r} {message}", (FieldError(field=f"inputs.{name}", message=message),)
    )


def match_inputs(specs: Sequence[TensorSpec], tensors: Sequence[Tensor]) -> list[Tensor]:
    """The tensors in the order of the specs, each with a fitting shape and convertible elements.

    Raises:
        InvalidInput: One is missing, unknown, given twice, or does not fit.
    """
    given = _by_name(specs, tensors)
    ordered = [given[spec.name] for spec in specs]
    for spec, tensor in zip(specs, ordered, strict=True):
        _check_fit(spec, tensor)
    _check_one_batch(specs, ordered)
    return ordered


def _by_name(specs: Sequence[TensorSpec], tensors: Sequence[Tensor]) -> dict[str, Tensor]:
    expected = ", ".join(repr(spec.name) for spec in specs)
    if len(specs) == 1 and len(tensors) == 1 and not tensors[0].name:
        return {specs[0].name: tensors[0]}
    names = {spec.name for spec in specs}
    given: dict[str, Tensor] = {}
    for tensor in tensors:
        if tensor.name not in names:
            raise wrong_input(tensor.name[:128], f"is not known; the model's inputs are {expected}")
        if tensor.name in given:
            raise wrong_input(tensor.name, "is given twice")
        given[tensor.name] = tensor
    for spec in specs:
        if spec.name not in given:
            raise wrong_input(spec.name, f"is missing; the model's inputs are {expected}")
    return given


def _check_fit(spec: TensorSpec, tensor: Tensor) -> None:
    if (spec.data_type is DataType.BOOL) != (tensor.data_type is DataType.BOOL):
        raise wrong_input(
            spec.name,
            f"has elements of type {tensor.data_type.value}, but the model takes "
            f"{spec.data_type.value}, and truth values are not numbers",
        )
    fits = len(tensor.shape) == len(spec.shape) and all(
        extent == wanted or (wanted == FREE and extent >= 0)
        for extent, wanted in zip(tensor.shape, spec.shape, strict=True)
    )
    if not fits:
        raise wrong_input(
            spec.name,
            f"has shape {list(tensor.shape[:16])}, but the model takes {spec.describe_shape()}",
        )
    if 0 in tensor.shape:
        raise wrong_input(spec.name, "is empty; send at least one row")
    size_bytes = math.prod(tensor.shape) * SIZE_BYTES[tensor.data_type]
    if len(tensor.data) != size_bytes:
        raise wrong_input(
            spec.name,
            f"has {len(tensor.data)} bytes of data, but shape {list(tensor.shape)} of "
            f"{tensor.data_type.value} takes {size_bytes}",
        )


def _check_one_batch(specs: Sequence[TensorSpec], tensors: Sequence[Tensor]) -> None:
    rows = {
        spec.name: tensor.shape[0]
        for spec, tensor in zip(specs, tensors, strict=True)
        if spec.has_batch
    }
    if len(set(rows.values())) > 1:
        listed = ", ".join(f"{name!r} has {count}" for name, count in rows.items())
        raise InvalidInput(f"the inputs must have equally many rows, but {listed}")
