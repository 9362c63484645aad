"""Signatures of models."""

import json
from typing import Any

import pytest

from tensorfleet.inference.signature import parse_signature
from tensorfleet.inference.tensor import DataType, TensorSpec
from tensorfleet.shared.errors import ModelNotServable

GOOD: dict[str, Any] = {
    "format": "torch.export",
    "inputs": [{"name": "x", "dtype": "float32", "shape": [-1, 64]}],
    "outputs": [{"name": "y", "dtype": "int64", "shape": [-1]}],
}


def test_signature_is_read() -> None:
    signature = parse_signature(json.dumps({**GOOD, "comment": "ignored"}).encode())
    assert signature.inputs == (TensorSpec(name="x", data_type=DataType.FLOAT32, shape=(-1, 64)),)
    assert signature.outputs == (TensorSpec(name="y", data_type=DataType.INT64, shape=(-1,)),)


def changed(**change: Any) -> str:
    return json.dumps({**GOOD, "inputs": [{**GOOD["inputs"][0], **change}]})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "null",
        "\xff",
        "[" * 100_000,
        json.dumps({**GOOD, "format": "sklearn"}),
        json.dumps({**GOOD, "inputs": []}),
        json.dumps({**GOOD, "outputs": {}}),
        json.dumps({**GOOD, "inputs": GOOD["inputs"] * 2}),
        json.dumps({"format": "torch.export"}),
        changed(name=""),
        changed(dtype="float16"),
        changed(dtype="complex64"),
        changed(shape=[-2]),
        changed(shape=[0]),
        changed(shape=[1] * 17),
        changed(shape="64"),
        changed(shape=[1.5]),
    ],
)
def test_malformed_signature_is_not_servable(text: str) -> None:
    with pytest.raises(ModelNotServable, match=r"signature\.json"):
        parse_signature(text.encode("latin-1"))
