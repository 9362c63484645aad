"""What tests use to talk to a running inference service as its clients do."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from tensorfleet.inference.v1 import prediction_service_pb2 as pb
from tensorfleet.inference.v1 import tensor_pb2
from tensorfleet.inference.v1.prediction_service_pb2_grpc import PredictionServiceStub
from tensorfleet.storage.v1 import model_pb2, model_registry_service_pb2
from tests.wire.storage.storage_client import StorageClient

if TYPE_CHECKING:
    from tensorfleet.inference.v1.prediction_service_pb2_grpc import PredictionServiceAsyncStub


def floats(name: str, rows: Sequence[Sequence[float]]) -> tensor_pb2.Tensor:
    """A FLOAT32 tensor of these rows."""
    flat = [number for row in rows for number in row]
    return tensor_pb2.Tensor(
        name=name,
        data_type=tensor_pb2.DATA_TYPE_FLOAT32,
        shape=[len(rows), len(rows[0])],
        data=struct.pack(f"<{len(flat)}f", *flat),
    )


def floats_of(tensor: tensor_pb2.Tensor) -> list[float]:
    """The elements of a FLOAT32 tensor."""
    assert tensor.data_type == tensor_pb2.DATA_TYPE_FLOAT32
    return list(struct.unpack(f"<{len(tensor.data) // 4}f", tensor.data))


@dataclass(frozen=True, slots=True)
class InferenceClient:
    """One inference server."""

    channel: grpc.aio.Channel

    @property
    def stub(self) -> "PredictionServiceAsyncStub":
        """PredictionService."""
        return PredictionServiceStub(self.channel)

    async def predict(
        self, model: str, *inputs: tensor_pb2.Tensor, version: int = 0
    ) -> pb.PredictResponse:
        """Runs a model."""
        return await self.stub.Predict(
            pb.PredictRequest(model=model, version=version, inputs=inputs)
        )

    async def load(self, model: str, version: int = 0) -> pb.LoadedModel:
        """Loads a model."""
        return (await self.stub.LoadModel(pb.LoadModelRequest(model=model, version=version))).model

    async def loaded(self) -> list[tuple[str, int]]:
        """Names and versions of what is loaded."""
        answer = await self.stub.ListLoadedModels(pb.ListLoadedModelsRequest())
        return [(model.model, model.version) for model in answer.models]


async def register(
    storage: StorageClient,
    model: str,
    folder: Path,
    made_by: model_pb2.ModelSource | None = None,
) -> model_pb2.ModelVersion:
    """Uploads a folder and registers it as a version."""
    artifact_id = await storage.upload_folder(folder)
    signature = folder / "signature.json"
    answer = await storage.models.RegisterModelVersion(
        model_registry_service_pb2.RegisterModelVersionRequest(
            model=model,
            artifact_id=artifact_id,
            signature_json=signature.read_text() if signature.exists() else "{}",
            source=made_by,
        )
    )
    return answer.version
