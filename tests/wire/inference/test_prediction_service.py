"""PredictionService as its clients see it: real models over real storage."""

import asyncio
import json
import shutil
import struct
from pathlib import Path

import grpc
import pytest
import torch
from grpc_health.v1 import health_pb2, health_pb2_grpc
from torch import nn

from tensorfleet.inference.v1 import prediction_service_pb2 as pb
from tensorfleet.inference.v1 import tensor_pb2
from tensorfleet.shared import errors
from tensorfleet.storage.v1 import model_pb2
from tests.contract.inference.sample_models import (
    Classifier,
    save,
    save_classifier,
    save_double,
    spec,
)
from tests.deadlines import eventually
from tests.wire.inference.conftest import MAX_LOADED_MODELS
from tests.wire.inference.inference_client import (
    InferenceClient,
    floats,
    floats_of,
    register,
)
from tests.wire.storage.storage_client import StorageClient, acting_in, new_project

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Plus(nn.Module):
    """Adds a constant, so that versions can be told apart."""

    constant: torch.Tensor

    def __init__(self, constant: float) -> None:
        super().__init__()
        self.register_buffer("constant", torch.tensor(constant))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.constant


def save_plus(folder: Path, constant: float) -> Path:
    rows = [spec("x", "float32", -1, 1)]
    return save(folder, Plus(constant), [torch.zeros(3, 1)], rows, [spec("y", "float32", -1, 1)])


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that doubles rows of two FLOAT32."""
    return save_double(tmp_path_factory.mktemp("double"), "float32")


@pytest.fixture(scope="module")
def pluses(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Models that add 0, 1, 2, ..."""
    folder = tmp_path_factory.mktemp("plus")
    return [save_plus(folder / str(n), float(n)) for n in range(MAX_LOADED_MODELS + 2)]


async def ask(inference: InferenceClient, model: str, version: int = 0) -> float:
    """What a Plus makes of zero."""
    answer = await inference.predict(model, floats("x", [[0.0]]), version=version)
    return floats_of(answer.outputs[0])[0]


async def test_prediction_is_what_the_module_computes(
    inference: InferenceClient, storage: StorageClient, project: str, tmp_path: Path
) -> None:
    module = Classifier()
    await register(storage, "classifier", save_classifier(tmp_path, module))
    rows = [[1.0, 2.0, 3.0, 4.0], [0.5, -0.5, 0.25, 0.0]]
    answer = await inference.predict("classifier", floats("rows", rows))
    assert (answer.model, answer.version) == ("classifier", 1)
    assert answer.compute_time.ToTimedelta().total_seconds() > 0
    scores, classes = answer.outputs
    assert (scores.name, list(scores.shape)) == ("scores", [2, 3])
    assert (classes.name, list(classes.shape)) == ("class", [2])
    assert classes.data_type == tensor_pb2.DATA_TYPE_INT64
    with torch.no_grad():
        expected_scores, expected_classes = module.eval()(torch.tensor(rows))
    assert floats_of(scores) == pytest.approx(expected_scores.flatten().tolist(), rel=1e-5)
    assert list(struct.unpack("<2q", classes.data)) == expected_classes.tolist()


async def test_only_input_needs_no_name_and_whole_numbers_are_converted(
    inference: InferenceClient, storage: StorageClient, project: str, double: Path
) -> None:
    await register(storage, "m", double)
    answer = await inference.predict("m", floats("", [[1.5, 2.0]]))
    assert floats_of(answer.outputs[0]) == [3.0, 4.0]
    whole = tensor_pb2.Tensor(
        data_type=tensor_pb2.DATA_TYPE_INT64, shape=[1, 2], data=struct.pack("<2q", 7, -8)
    )
    assert floats_of((await inference.predict("m", whole)).outputs[0]) == [14.0, -16.0]


def number_pair(data_type: "tensor_pb2.DataType.ValueType", data: bytes) -> tensor_pb2.Tensor:
    return tensor_pb2.Tensor(name="x", data_type=data_type, shape=[1, 2], data=data)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], r"input 'x' is missing"),
        ([floats("z", [[1, 2]])], r"'z' is not known.*'x'"),
        ([floats("x", [[1, 2]])] * 2, r"'x' is given twice"),
        ([floats("x", [[1, 2, 3]])], r"shape \[1, 3\].*\[batch, 2\]"),
        ([number_pair(tensor_pb2.DATA_TYPE_UNSPECIFIED, b"12345678")], "data_type"),
        ([number_pair(tensor_pb2.DATA_TYPE_FLOAT32, b"1234567")], "7 bytes"),
        (
            [number_pair(tensor_pb2.DATA_TYPE_INT64, struct.pack("<2q", 2**24 + 1, 0))],
            "16777217",
        ),
    ],
)
async def test_inputs_that_do_not_fit_are_refused(
    inference: InferenceClient,
    storage: StorageClient,
    project: str,
    double: Path,
    inputs: list[tensor_pb2.Tensor],
    message: str,
) -> None:
    await register(storage, "m", double)
    with pytest.raises(errors.InvalidInput, match=message) as caught:
        await inference.predict("m", *inputs)
    assert caught.value.reason == "INVALID_INPUT"


async def test_version_zero_is_the_newest_within_seconds(
    inference: InferenceClient, storage: StorageClient, project: str, pluses: list[Path]
) -> None:
    await register(storage, "m", pluses[1])
    assert await ask(inference, "m") == 1.0
    await register(storage, "m", pluses[2])

    async def is_newest() -> bool:
        return await ask(inference, "m") == 2.0

    await eventually(is_newest)
    assert await ask(inference, "m", version=1) == 1.0
    assert await ask(inference, "m", version=2) == 2.0


async def test_version_replaced_by_a_later_attempt_is_noticed(
    inference: InferenceClient, storage: StorageClient, project: str, pluses: list[Path]
) -> None:
    source = model_pb2.ModelSource(job_id="j", task_id="t", attempt=1)
    await register(storage, "m", pluses[1], source)
    assert await ask(inference, "m", version=1) == 1.0
    source.attempt = 2
    await register(storage, "m", pluses[2], source)

    async def is_replaced() -> bool:
        return await ask(inference, "m", version=1) == 2.0

    await eventually(is_replaced)


async def test_what_is_not_registered_is_not_found(
    inference: InferenceClient, storage: StorageClient, project: str, double: Path
) -> None:
    await register(storage, "m", double)
    for model, version in (("other", 0), ("m", 2), ("m", -1)):
        with pytest.raises(errors.ModelNotFound):
            await inference.predict(model, floats("x", [[1, 2]]), version=version)
        with pytest.raises(errors.ModelNotFound):
            await inference.load(model, version)


async def test_model_of_another_project_is_not_there(
    inference: InferenceClient, storage: StorageClient, project: str, double: Path
) -> None:
    await register(storage, "m", double)
    await inference.predict("m", floats("x", [[1, 2]]))
    with acting_in(new_project()):
        with pytest.raises(errors.ModelNotFound):
            await inference.predict("m", floats("x", [[1, 2]]))
        assert await inference.loaded() == []
        await inference.stub.UnloadModel(pb.UnloadModelRequest(model="m", version=1))
    assert await inference.loaded() == [("m", 1)]


async def test_bad_name_is_refused(inference: InferenceClient, project: str) -> None:
    with pytest.raises(errors.InvalidName):
        await inference.predict("../m", floats("x", [[1, 2]]))


async def test_loading_and_unloading_are_idempotent(
    inference: InferenceClient, storage: StorageClient, project: str, double: Path
) -> None:
    version = await register(storage, "m", double)
    first = await inference.load("m")
    assert (first.model, first.version, first.size_bytes) == ("m", 1, version.size_bytes)
    assert json.loads(first.signature_json)["inputs"][0]["name"] == "x"
    assert await inference.load("m", 1) == first
    assert await inference.loaded() == [("m", 1)]
    for _ in range(2):
        await inference.stub.UnloadModel(pb.UnloadModelRequest(model="m", version=1))
        assert await inference.loaded() == []
    await inference.predict("m", floats("x", [[1, 2]]))


async def test_first_requests_at_the_same_time_are_all_answered(
    inference: InferenceClient, storage: StorageClient, project: str, pluses: list[Path]
) -> None:
    await register(storage, "a", pluses[0])
    await register(storage, "b", pluses[1])
    answers = await asyncio.gather(*(ask(inference, "ab"[n % 2]) for n in range(12)))
    assert answers == [0.0, 1.0] * 6


async def test_least_recently_used_models_are_let_go(
    inference: InferenceClient, storage: StorageClient, project: str, pluses: list[Path]
) -> None:
    for number, folder in enumerate(pluses):
        await register(storage, f"m{number}", folder)
        assert await ask(inference, f"m{number}") == number
    kept = [(f"m{n}", 1) for n in range(len(pluses) - MAX_LOADED_MODELS, len(pluses))]
    assert await inference.loaded() == kept
    assert await ask(inference, "m0") == 0.0


async def test_damaged_cache_is_noticed_and_fetched_again(
    inference: InferenceClient,
    storage: StorageClient,
    project: str,
    cache_folder: Path,
    tmp_path: Path,
) -> None:
    version = await register(storage, "m", save_plus(tmp_path, 42.0))
    assert await ask(inference, "m") == 42.0
    cached = cache_folder / version.artifact_id
    whole = (cached / "model.pt2").read_bytes()

    def flip_a_bit() -> None:
        (cached / "model.pt2").write_bytes(whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:])

    def add_a_file() -> None:
        (cached / "more").write_bytes(b"x")

    for damage in (flip_a_bit, add_a_file, (cached / "signature.json").unlink):
        damage()
        await inference.stub.UnloadModel(pb.UnloadModelRequest(model="m", version=1))
        assert await ask(inference, "m") == 42.0
        assert (cached / "model.pt2").read_bytes() == whole
        assert sorted(path.name for path in cached.iterdir()) == ["model.pt2", "signature.json"]


async def test_lost_cache_is_fetched_again(
    inference: InferenceClient,
    storage: StorageClient,
    project: str,
    cache_folder: Path,
    pluses: list[Path],
) -> None:
    await register(storage, "m", pluses[3])
    assert await ask(inference, "m") == 3.0
    shutil.rmtree(cache_folder)
    assert await ask(inference, "m") == 3.0
    await inference.stub.UnloadModel(pb.UnloadModelRequest(model="m", version=1))
    assert await ask(inference, "m") == 3.0


async def test_files_that_are_no_model_are_not_servable(
    inference: InferenceClient, storage: StorageClient, project: str, double: Path, tmp_path: Path
) -> None:
    no_signature = shutil.copytree(double, tmp_path / "1")
    (no_signature / "signature.json").unlink()
    other_format = shutil.copytree(double, tmp_path / "2")
    (other_format / "signature.json").write_text('{"format": "sklearn"}')
    no_archive = shutil.copytree(double, tmp_path / "3")
    (no_archive / "model.pt2").write_bytes(b"weights")
    for name, folder in (("a", no_signature), ("b", other_format), ("c", no_archive)):
        await register(storage, name, folder)
        for _ in range(2):
            with pytest.raises(errors.ModelNotServable):
                await inference.predict(name, floats("x", [[1, 2]]))
        with pytest.raises(errors.ModelNotServable):
            await inference.load(name)
    assert await inference.loaded() == []


async def test_storage_is_a_dependency_with_a_health_of_its_own(inference_port: int) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{inference_port}") as channel:
        stub = health_pb2_grpc.HealthStub(channel)

        async def is_serving() -> bool:
            try:
                answer = await stub.Check(health_pb2.HealthCheckRequest(service="storage"))
            except grpc.aio.AioRpcError:
                return False
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

        await eventually(is_serving)
