"""DatasetService: datasets and their versions."""

from typing import Any

from tensorfleet.shared.caller import current_caller
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.names import check_name
from tensorfleet.shared.paging import clamp_page_size, decode_token
from tensorfleet.storage import convert
from tensorfleet.storage.description import check_description
from tensorfleet.storage.page_keys import token_after, version_after
from tensorfleet.storage.store.protocol import ArtifactStore, DatasetStore
from tensorfleet.storage.v1 import dataset_service_pb2 as pb
from tensorfleet.storage.v1 import dataset_service_pb2_grpc as pb_grpc

_DATASETS = "datasets"


class DatasetServicer(pb_grpc.DatasetServiceServicer):
    """See dataset_service.proto. DeleteDataset answers UNIMPLEMENTED."""

    def __init__(self, *, artifacts: ArtifactStore, datasets: DatasetStore, clock: Clock) -> None:
        self._artifacts = artifacts
        self._datasets = datasets
        self._clock = clock

    async def CreateDatasetVersion(
        self, request: pb.CreateDatasetVersionRequest, context: Any
    ) -> pb.CreateDatasetVersionResponse:
        """See dataset_service.proto."""
        caller = current_caller.get()
        dataset = check_name(request.dataset, "dataset")
        description = check_description(request.description)
        version = await self._datasets.create_version(
            project=caller.project,
            dataset=dataset,
            artifact=await self._artifacts.get_summary(caller.project, request.artifact_id),
            description=description,
            owner=caller.user,
            now=self._clock(),
        )
        return pb.CreateDatasetVersionResponse(version=convert.dataset_version_to_proto(version))

    async def GetDataset(
        self, request: pb.GetDatasetRequest, context: Any
    ) -> pb.GetDatasetResponse:
        """See dataset_service.proto."""
        project = current_caller.get().project
        dataset = await self._datasets.get_dataset(project, request.dataset)
        return pb.GetDatasetResponse(dataset=convert.dataset_to_proto(dataset))

    async def GetDatasetVersion(
        self, request: pb.GetDatasetVersionRequest, context: Any
    ) -> pb.GetDatasetVersionResponse:
        """See dataset_service.proto."""
        project = current_caller.get().project
        version = await self._datasets.get_version(project, request.dataset, request.version)
        return pb.GetDatasetVersionResponse(version=convert.dataset_version_to_proto(version))

    async def ListDatasets(
        self, request: pb.ListDatasetsRequest, context: Any
    ) -> pb.ListDatasetsResponse:
        """See dataset_service.proto."""
        page = await self._datasets.list_datasets(
            current_caller.get().project,
            decode_token(_DATASETS, request.page_token),
            clamp_page_size(request.page_size),
        )
        return pb.ListDatasetsResponse(
            datasets=[convert.dataset_to_proto(dataset) for dataset in page.rows],
            next_page_token=token_after(_DATASETS, page.next_key),
        )

    async def ListDatasetVersions(
        self, request: pb.ListDatasetVersionsRequest, context: Any
    ) -> pb.ListDatasetVersionsResponse:
        """See dataset_service.proto."""
        list_name = f"dataset_versions/{request.dataset}"
        page = await self._datasets.list_versions(
            current_caller.get().project,
            request.dataset,
            version_after(list_name, request.page_token),
            clamp_page_size(request.page_size),
        )
        return pb.ListDatasetVersionsResponse(
            versions=[convert.dataset_version_to_proto(version) for version in page.rows],
            next_page_token=token_after(list_name, page.next_key),
        )
