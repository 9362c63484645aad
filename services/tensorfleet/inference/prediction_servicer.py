"""PredictionService: registered models, answering."""

from typing import Any

from tensorfleet.inference import convert
from tensorfleet.inference.loaded_models import LoadedModels
from tensorfleet.inference.predictor import Predictor
from tensorfleet.inference.v1 import prediction_service_pb2 as pb
from tensorfleet.inference.v1 import prediction_service_pb2_grpc as pb_grpc
from tensorfleet.shared.caller import current_caller
from tensorfleet.shared.names import check_name


class PredictionServicer(pb_grpc.PredictionServiceServicer):
    """See prediction_service.proto."""

    def __init__(self, *, predictor: Predictor, models: LoadedModels) -> None:
        self._predictor = predictor
        self._models = models

    async def Predict(self, request: pb.PredictRequest, context: Any) -> pb.PredictResponse:
        """See prediction_service.proto."""
        answer = await self._predictor.predict(
            current_caller.get().project,
            check_name(request.model, "model"),
            request.version,
            convert.tensors_from_proto(request.inputs),
        )
        return convert.answer_to_proto(answer)

    async def LoadModel(self, request: pb.LoadModelRequest, context: Any) -> pb.LoadModelResponse:
        """See prediction_service.proto."""
        project = current_caller.get().project
        model = check_name(request.model, "model")
        loaded = await self._predictor.load(project, model, request.version)
        return pb.LoadModelResponse(model=convert.loaded_model_to_proto(loaded))

    async def UnloadModel(
        self, request: pb.UnloadModelRequest, context: Any
    ) -> pb.UnloadModelResponse:
        """See prediction_service.proto."""
        project = current_caller.get().project
        await self._models.unload(project, check_name(request.model, "model"), request.version)
        return pb.UnloadModelResponse()

    async def ListLoadedModels(
        self, request: pb.ListLoadedModelsRequest, context: Any
    ) -> pb.ListLoadedModelsResponse:
        """See prediction_service.proto."""
        loaded = self._models.list_loaded(current_caller.get().project)
        return pb.ListLoadedModelsResponse(
            models=[convert.loaded_model_to_proto(model) for model in loaded]
        )
