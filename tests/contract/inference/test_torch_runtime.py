"""What runtime.ModelRuntime promises, kept by torch: real models, real arithmetic."""

import asyncio
import json
import math
import struct
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
import torch
from torch import nn

from tensorfleet.inference.runtime import ModelRuntime, RunnableModel
from tensorfleet.inference.tensor import DataType, Tensor, match_inputs
from tensorfleet.inference.torch_runtime import MAX_OUTPUT_BYTES, TorchModel, TorchRuntime
from tensorfleet.shared.errors import InvalidInput, ModelNotServable, TooLarge, Unavailable
from tests.contract.inference.sample_models import (
    Classifier,
    Double,
    save,
    save_classifier,
    save_double,
    save_word_count,
    spec,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def runtime() -> AsyncIterator[TorchRuntime]:
    runtime = TorchRuntime(compute_threads=1)
    yield runtime
    await runtime.close()


def tensor_of(name: str, values: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> Tensor:
    return Tensor(
        name=name,
        data_type=DataType(values.dtype.name),
        shape=values.shape,
        data=values.tobytes(),
    )


async def predict(
    runtime: ModelRuntime, model: RunnableModel, *tensors: Tensor
) -> "dict[str, np.ndarray[tuple[int, ...], np.dtype[np.generic]]]":
    prediction = await runtime.run(model, match_inputs(model.signature.inputs, tensors))
    assert prediction.compute_seconds > 0
    return {
        t.name: np.frombuffer(t.data, t.data_type.value).reshape(t.shape)
        for t in prediction.outputs
    }


async def test_answers_are_those_of_the_module(runtime: TorchRuntime, tmp_path: Path) -> None:
    module = Classifier()
    model = await runtime.load(save_classifier(tmp_path, module))
    for rows in (1, 2, 3, 100):
        values = np.random.default_rng(rows).normal(size=(rows, 4)).astype(np.float32)
        outputs = await predict(runtime, model, tensor_of("rows", values))
        with torch.no_grad():
            scores, classes = module.eval()(torch.from_numpy(values))
        assert np.allclose(outputs["scores"].astype(np.float32), scores.numpy(), 1e-5, 1e-6)
        np.testing.assert_array_equal(outputs["class"], classes.numpy())


async def test_results_by_name_and_several_inputs(runtime: TorchRuntime, tmp_path: Path) -> None:
    model = await runtime.load(save_word_count(tmp_path))
    words = np.array([[0, 1, 2, 3, 4], [9, 9, 9, 9, 9]], np.int64)
    none = np.zeros((2, 5), np.bool_)
    outputs = await predict(runtime, model, tensor_of("words", words), tensor_of("counts", none))
    np.testing.assert_array_equal(outputs["mean"], np.zeros((2, 4), np.float32))


@pytest.mark.parametrize(
    ("wanted", "values"),
    [
        ("float32", np.array([[1, -(2**24)]], np.int64)),
        ("float32", np.array([[255, 0]], np.uint8)),
        ("float32", np.array([[0.5, math.inf]], np.float64)),
        ("float32", np.array([[math.nan, -0.0]], np.float64)),
        ("float64", np.array([[0.1, 3e38]], np.float32)),
        ("float64", np.array([[2**53, -(2**53)]], np.int64)),
        ("int64", np.array([[1.0, -7.0]], np.float32)),
        ("int64", np.array([[2**31 - 1, -(2**31)]], np.int32)),
        ("int32", np.array([[2**31 - 1, -(2**31)]], np.int64)),
        ("uint8", np.array([[0.0, 255.0]], np.float64)),
        ("int64", np.array([[-(2.0**63), 2.0**62]], np.float64)),
    ],
)
async def test_numbers_are_converted_where_nothing_is_lost(
    runtime: TorchRuntime,
    tmp_path: Path,
    wanted: str,
    values: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]",
) -> None:
    model = await runtime.load(save_double(tmp_path, wanted))
    outputs = await predict(runtime, model, tensor_of("x", values))
    expected = values.astype(wanted)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(outputs["y"], expected + expected)


@pytest.mark.parametrize(
    ("wanted", "values", "message"),
    [
        ("float32", np.array([[1, 2**24 + 1]], np.int64), r"16777217 at \[0, 1\].*float32"),
        ("float32", np.array([[2**63 - 1, 0]], np.int64), "9223372036854775807"),
        ("float32", np.array([[0.1, 0]], np.float64), r"0\.1 at \[0, 0\]"),
        ("float32", np.array([[1e300, 0]], np.float64), "1e\\+300"),
        ("float64", np.array([[2**53 + 1, 0]], np.int64), "9007199254740993"),
        ("int64", np.array([[0, 0.5]], np.float32), "0.5"),
        ("int64", np.array([[math.nan, 0]], np.float32), "nan"),
        ("int64", np.array([[math.inf, 0]], np.float32), "inf"),
        ("int64", np.array([[2.0**63, 0]], np.float64), r"9\.22"),
        ("int32", np.array([[2**31, 0]], np.int64), "2147483648"),
        ("uint8", np.array([[-1, 0]], np.int64), "-1"),
        ("uint8", np.array([[256.0, 0]], np.float32), "256"),
    ],
)
async def test_number_that_does_not_fit_is_refused(
    runtime: TorchRuntime,
    tmp_path: Path,
    wanted: str,
    values: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]",
    message: str,
) -> None:
    model = await runtime.load(save_double(tmp_path, wanted))
    with pytest.raises(InvalidInput, match=message) as caught:
        await predict(runtime, model, tensor_of("x", values))
    assert [field.field for field in caught.value.fields] == ["inputs.x"]


async def test_truth_value_other_than_0_and_1_is_refused(
    runtime: TorchRuntime, tmp_path: Path
) -> None:
    model = await runtime.load(save_word_count(tmp_path))
    words = tensor_of("words", np.zeros((1, 5), np.int64))
    odd = Tensor(name="counts", data_type=DataType.BOOL, shape=(1, 5), data=b"\x00\x01\x02\x00\x01")
    with pytest.raises(InvalidInput, match="0 and 1"):
        await predict(runtime, model, words, odd)


async def test_inputs_that_the_model_cannot_compute_on_are_the_callers_mistake(
    runtime: TorchRuntime, tmp_path: Path
) -> None:
    model = await runtime.load(save_word_count(tmp_path))
    unknown_word = tensor_of("words", np.full((1, 5), 10, np.int64))
    counts = tensor_of("counts", np.ones((1, 5), np.bool_))
    with pytest.raises(InvalidInput, match=r"cannot compute.*index out of range"):
        await predict(runtime, model, unknown_word, counts)


async def test_answer_too_large_for_a_message_is_refused(
    runtime: TorchRuntime, tmp_path: Path
) -> None:
    class Widen(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.expand(-1, 1000)

    model = await runtime.load(
        save(
            tmp_path,
            Widen(),
            [torch.zeros(3, 1)],
            [spec("x", "float32", -1, 1)],
            [spec("y", "float32", -1, 1000)],
        )
    )
    rows = MAX_OUTPUT_BYTES // 4000
    outputs = await predict(runtime, model, tensor_of("x", np.zeros((rows, 1), np.float32)))
    assert outputs["y"].shape == (rows, 1000)
    with pytest.raises(TooLarge, match="fewer rows"):
        await predict(runtime, model, tensor_of("x", np.zeros((rows + 1, 1), np.float32)))


@pytest.mark.parametrize(
    "outputs",
    [
        [spec("y", "float64", -1, 2)],
        [spec("y", "float32", -1, 3)],
        [spec("y", "float32", -1)],
        [spec("y", "float32", 7, 2)],
        [spec("y", "float32", -1, 2), spec("z", "float32", -1, 2)],
    ],
    ids=["type", "extent", "dimensions", "rows", "count"],
)
async def test_model_that_breaks_its_signature_is_not_servable(
    runtime: TorchRuntime, tmp_path: Path, outputs: list[dict[str, object]]
) -> None:
    inputs = [spec("x", "float32", -1, 2)]
    folder = save(tmp_path, Double(), [torch.ones(3, 2)], inputs, outputs)
    with pytest.raises(ModelNotServable, match="output"):
        await runtime.load(folder)


async def test_model_that_takes_other_inputs_than_its_signature_says_is_told_at_each_call(
    runtime: TorchRuntime, tmp_path: Path
) -> None:
    inputs = [spec("x", "float32", -1, 5)]
    outputs = [spec("scores", "float32", -1, 3), spec("class", "int64", -1)]
    folder = save(tmp_path, Classifier(), [torch.ones(3, 4)], inputs, outputs)
    model = await runtime.load(folder)
    with pytest.raises(InvalidInput, match="cannot compute"):
        await predict(runtime, model, tensor_of("x", np.zeros((2, 5), np.float32)))


async def test_damaged_model_is_not_servable(runtime: TorchRuntime, tmp_path: Path) -> None:
    folder = save_double(tmp_path, "float32")
    whole = (folder / "model.pt2").read_bytes()
    for damaged in (b"", b"no archive", whole[: len(whole) // 2]):
        (folder / "model.pt2").write_bytes(damaged)
        with pytest.raises(ModelNotServable):
            await runtime.load(folder)
    (folder / "model.pt2").write_bytes(whole)
    (folder / "signature.json").write_text(json.dumps({"format": "other"}))
    with pytest.raises(ModelNotServable, match=r"signature\.json"):
        await runtime.load(folder)


async def test_files_that_have_gone_are_no_fault_of_the_model(
    runtime: TorchRuntime, tmp_path: Path
) -> None:
    folder = save_double(tmp_path, "float32")
    (folder / "signature.json").unlink()
    with pytest.raises(Unavailable):
        await runtime.load(folder)


async def test_event_loop_runs_while_a_model_computes(
    runtime: TorchRuntime, tmp_path: Path
) -> None:
    class Slow(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            big = x.sum() + torch.ones(900, 900)
            for _ in range(8):
                big = big @ big / 900
            return x + big.mean()

    inputs, outputs = [spec("x", "float32", -1, 1)], [spec("y", "float32", -1, 1)]
    model = await runtime.load(save(tmp_path, Slow(), [torch.ones(3, 1)], inputs, outputs))
    answer = asyncio.create_task(
        predict(runtime, model, tensor_of("x", np.zeros((1, 1), np.float32)))
    )
    turns = 0
    while not answer.done():
        turns += 1
        await asyncio.sleep(0.001)
    assert turns > 5
    await answer


async def test_memory_of_a_model_is_freed_when_nobody_refers_to_it(
    runtime: TorchRuntime, tmp_path: Path
) -> None:
    await runtime.load(save_double(tmp_path / "first", "float32"))
    model = await runtime.load(save_classifier(tmp_path / "second"))
    assert isinstance(model, TorchModel)
    weights = [weakref.ref(parameter) for parameter in model.module.parameters()]
    assert len(weights) == 6
    del model
    await runtime.collect_garbage()
    assert [weight() for weight in weights] == [None] * 6


async def test_each_prediction_has_inputs_of_its_own(runtime: TorchRuntime, tmp_path: Path) -> None:
    data = struct.pack("<2f", 1.5, -2.0)
    model = await runtime.load(save_double(tmp_path, "float32"))
    given = Tensor(name="x", data_type=DataType.FLOAT32, shape=(1, 2), data=data)
    answers = await asyncio.gather(*(runtime.run(model, [given]) for _ in range(20)))
    assert {answer.outputs[0].data for answer in answers} == {struct.pack("<2f", 3.0, -4.0)}
    assert data == struct.pack("<2f", 1.5, -2.0)
