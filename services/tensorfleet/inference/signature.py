"""A model's signature: its tensors in and out, as `signature.json` says."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from tensorfleet.inference.tensor import FREE, DataType, TensorSpec
from tensorfleet.shared.errors import ModelNotServable

FORMAT = "torch.export"
MAX_DIMENSIONS = 16
MAX_TENSORS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a model takes and gives, in the order of its arguments and results."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


class _TensorJson(msgspec.Struct):
    name: str
    dtype: DataType
    shape: list[int]


class _SignatureJson(msgspec.Struct):
    format: str
    inputs: list[_TensorJson]
    outputs: list[_TensorJson]


def parse_signature(text: bytes) -> Signature:
    """The signature of a `signature.json`.

    Raises:
        ModelNotServable: It is not one, or of another kind of model.
    """
    try:
        parsed = msgspec.json.decode(text, type=_SignatureJson)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ModelNotServable(f"signature.json is not a signature: {exc}") from exc
    if parsed.format != FORMAT:
        raise ModelNotServable(
            f"signature.json has format {parsed.format[:64]!r}; only models saved with "
            f"{FORMAT!r} can be served"
        )
    return Signature(
        inputs=_specs("inputs", parsed.inputs), outputs=_specs("outputs", parsed.outputs)
    )


def _specs(where: str, tensors: Sequence[_TensorJson]) -> tuple[TensorSpec, ...]:
    if not 1 <= len(tensors) <= MAX_TENSORS:
        raise ModelNotServable(f"signature.json must have 1 to {MAX_TENSORS} {where}")
    names = [tensor.name for tensor in tensors]
    if len(set(names)) < len(names) or not all(names):
        raise ModelNotServable(f"signature.json must give all its {where} names that differ")
    for tensor in tensors:
        if len(tensor.shape) > MAX_DIMENSIONS or any(e < FREE or e == 0 for e in tensor.shape):
            raise ModelNotServable(
                f"signature.json has the shape {tensor.shape[:20]} for {tensor.name!r}; extents "
                f"are positive, or {FREE} for the batch, at most {MAX_DIMENSIONS} of them"
            )
    return tuple(TensorSpec(name=t.name, data_type=t.dtype, shape=tuple(t.shape)) for t in tensors)
