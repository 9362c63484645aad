"""ModelRegistryService: models and their versions."""

from typing import Any

from tensorfleet.shared.caller import current_caller
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.names import check_name
from tensorfleet.shared.paging import clamp_page_size, decode_token
from tensorfleet.storage import convert
from tensorfleet.storage.description import check_description
from tensorfleet.storage.model import check_metrics, check_signature
from tensorfleet.storage.page_keys import token_after, version_after
from tensorfleet.storage.store.protocol import ArtifactStore, FenceStore, ModelStore
from tensorfleet.storage.v1 import model_registry_service_pb2 as pb
from tensorfleet.storage.v1 import model_registry_service_pb2_grpc as pb_grpc

_MODELS = "models"


class ModelRegistryServicer(pb_grpc.ModelRegistryServiceServicer):
    """See model_registry_service.proto. SetModelStage and DeleteModelVersion: UNIMPLEMENTED."""

    def __init__(
        self, *, artifacts: ArtifactStore, fences: FenceStore, models: ModelStore, clock: Clock
    ) -> None:
        self._artifacts = artifacts
        self._fences = fences
        self._models = models
        self._clock = clock

    async def RegisterModelVersion(
        self, request: pb.RegisterModelVersionRequest, context: Any
    ) -> pb.RegisterModelVersionResponse:
        """See model_registry_service.proto."""
        caller = current_caller.get()
        model = check_name(request.model, "model")
        description = check_description(request.description)
        signature_json = check_signature(request.signature_json)
        metrics = check_metrics(request.metrics)
        source = convert.source_from_proto(request.source)
        if source:
            await self._fences.raise_fence(caller.project, source.token)
        version = await self._models.register_version(
            project=caller.project,
            model=model,
            artifact=await self._artifacts.get_summary(caller.project, request.artifact_id),
            signature_json=signature_json,
            metrics=metrics,
            source=source,
            description=description,
            owner=caller.user,
            now=self._clock(),
        )
        return pb.RegisterModelVersionResponse(version=convert.model_version_to_proto(version))

    async def GetModel(self, request: pb.GetModelRequest, context: Any) -> pb.GetModelResponse:
        """See model_registry_service.proto."""
        model = await self._models.get_model(current_caller.get().project, request.model)
        return pb.GetModelResponse(model=convert.model_to_proto(model))

    async def GetModelVersion(
        self, request: pb.GetModelVersionRequest, context: Any
    ) -> pb.GetModelVersionResponse:
        """See model_registry_service.proto."""
        project = current_caller.get().project
        version = await self._models.get_version(project, request.model, request.version)
        return pb.GetModelVersionResponse(version=convert.model_version_to_proto(version))

    async def ListModels(
        self, request: pb.ListModelsRequest, context: Any
    ) -> pb.ListModelsResponse:
        """See model_registry_service.proto."""
        page = await self._models.list_models(
            current_caller.get().project,
            decode_token(_MODELS, request.page_token),
            clamp_page_size(request.page_size),
        )
        return pb.ListModelsResponse(
            models=[convert.model_to_proto(model) for model in page.rows],
            next_page_token=token_after(_MODELS, page.next_key),
        )

    async def ListModelVersions(
        self, request: pb.ListModelVersionsRequest, context: Any
    ) -> pb.ListModelVersionsResponse:
        """See model_registry_service.proto."""
        list_name = f"model_versions/{request.model}"
        page = await self._models.list_versions(
            current_caller.get().project,
            request.model,
            version_after(list_name, request.page_token),
            clamp_page_size(request.page_size),
        )
        return pb.ListModelVersionsResponse(
            versions=[convert.model_version_to_proto(version) for version in page.rows],
            next_page_token=token_after(list_name, page.next_key),
        )
