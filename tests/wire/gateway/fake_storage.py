"""A storage service that keeps everything in memory, behind the real contract."""

import hashlib
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from tensorfleet.shared.caller import current_caller
from tensorfleet.shared.errors import (
    ArtifactNotFound,
    DatasetNotFound,
    DigestMismatch,
    ModelNotFound,
    UploadIncomplete,
    UploadNotFound,
)
from tensorfleet.shared.ids import new_upload_id
from tensorfleet.shared.manifest import ManifestFile, artifact_id, check_manifest, total_size_bytes
from tensorfleet.shared.names import check_name
from tensorfleet.storage.v1 import (
    artifact_pb2,
    artifact_service_pb2,
    artifact_service_pb2_grpc,
    checkpoint_pb2,
    checkpoint_service_pb2,
    checkpoint_service_pb2_grpc,
    dataset_pb2,
    dataset_service_pb2,
    dataset_service_pb2_grpc,
    model_pb2,
    model_registry_service_pb2,
    model_registry_service_pb2_grpc,
)
from tests.wire.gateway.blob_server import BlobServer
from tests.wire.gateway.fake_orchestrator import now

PART_BYTES = 64 * 1024

Key = tuple[str, str]


class FakeStorage(
    artifact_service_pb2_grpc.ArtifactServiceServicer,
    dataset_service_pb2_grpc.DatasetServiceServicer,
    checkpoint_service_pb2_grpc.CheckpointServiceServicer,
    model_registry_service_pb2_grpc.ModelRegistryServiceServicer,
):
    """Contents in a `BlobServer`, names by project here."""

    def __init__(self, blobs: BlobServer) -> None:
        self._blobs = blobs
        self.uploads: dict[str, tuple[ManifestFile, ...]] = {}
        self.artifacts: dict[Key, tuple[ManifestFile, ...]] = {}
        self.datasets: dict[Key, list[dataset_pb2.DatasetVersion]] = defaultdict(list)
        self.descriptions: dict[Key, str] = {}
        self.checkpoints: dict[str, list[checkpoint_pb2.Checkpoint]] = defaultdict(list)
        self.models: dict[Key, list[model_pb2.ModelVersion]] = defaultdict(list)

    @staticmethod
    def _key(name: str) -> Key:
        return current_caller.get().project, name

    def _artifact(self, identifier: str) -> tuple[ManifestFile, ...]:
        files = self.artifacts.get(self._key(identifier))
        if files is None:
            raise ArtifactNotFound(f"there is no artifact {identifier}")
        return files

    # ArtifactService

    async def BeginUpload(
        self, request: artifact_service_pb2.BeginUploadRequest, context: object
    ) -> artifact_service_pb2.BeginUploadResponse:
        files = check_manifest(
            ManifestFile(path=f.path, size_bytes=f.size_bytes, sha256=f.sha256)
            for f in request.files
        )
        upload_id = new_upload_id()
        self.uploads[upload_id] = files
        expire_time = Timestamp()
        expire_time.FromDatetime(datetime.now(UTC) + timedelta(hours=1))
        missing = {f.sha256: f for f in files if f"/blobs/{f.sha256}" not in self._blobs.blobs}
        return artifact_service_pb2.BeginUploadResponse(
            upload_id=upload_id,
            artifact_id=artifact_id(files),
            expire_time=expire_time,
            blobs=[self._blob(upload_id, file) for file in missing.values()],
        )

    def _blob(self, upload_id: str, file: ManifestFile) -> artifact_service_pb2.BlobUpload:
        starts = range(0, file.size_bytes, PART_BYTES) or [0]
        return artifact_service_pb2.BlobUpload(
            sha256=file.sha256,
            parts=[
                artifact_service_pb2.UploadPart(
                    number=number,
                    offset_bytes=start,
                    size_bytes=min(PART_BYTES, file.size_bytes - start),
                    url=f"{self._blobs.url}/uploads/{upload_id}/{file.sha256}/{number}",
                )
                for number, start in enumerate(starts, 1)
            ],
        )

    async def FinishUpload(
        self, request: artifact_service_pb2.FinishUploadRequest, context: object
    ) -> artifact_service_pb2.FinishUploadResponse:
        files = self.uploads.get(request.upload_id)
        if files is None:
            raise UploadNotFound(f"there is no upload {request.upload_id}")
        told = {(part.sha256, part.number): part.etag for part in request.parts}
        for file in files:
            if f"/blobs/{file.sha256}" in self._blobs.blobs:
                continue
            parts = self._blob(request.upload_id, file).parts
            paths = [f"/uploads/{request.upload_id}/{file.sha256}/{part.number}" for part in parts]
            content = b""
            for part, path in zip(parts, paths, strict=True):
                if path not in self._blobs.blobs:
                    raise UploadIncomplete(f"{file.path} was not PUT")
                if len(parts) > 1 and not told.get((file.sha256, part.number)):
                    raise UploadIncomplete(f"the ETag of part {part.number} is missing")
                content += self._blobs.blobs[path]
            if hashlib.sha256(content).hexdigest() != file.sha256:
                raise DigestMismatch(f"{file.path} has another content than announced")
            self._blobs.blobs[f"/blobs/{file.sha256}"] = content
        identifier = artifact_id(files)
        self.artifacts[self._key(identifier)] = files
        artifact = artifact_pb2.Artifact(
            id=identifier,
            files=[
                artifact_pb2.File(path=f.path, size_bytes=f.size_bytes, sha256=f.sha256)
                for f in files
            ],
            size_bytes=total_size_bytes(files),
            create_time=now(),
        )
        return artifact_service_pb2.FinishUploadResponse(artifact=artifact)

    async def AbortUpload(
        self, request: artifact_service_pb2.AbortUploadRequest, context: object
    ) -> artifact_service_pb2.AbortUploadResponse:
        self.uploads.pop(request.upload_id, None)
        return artifact_service_pb2.AbortUploadResponse()

    async def SignDownload(
        self, request: artifact_service_pb2.SignDownloadRequest, context: object
    ) -> artifact_service_pb2.SignDownloadResponse:
        return artifact_service_pb2.SignDownloadResponse(
            files=[
                artifact_service_pb2.SignDownloadResponse.FileDownload(
                    file=artifact_pb2.File(path=f.path, size_bytes=f.size_bytes, sha256=f.sha256),
                    url=f"{self._blobs.url}/blobs/{f.sha256}",
                )
                for f in self._artifact(request.artifact_id)
            ]
        )

    # DatasetService

    async def CreateDatasetVersion(
        self, request: dataset_service_pb2.CreateDatasetVersionRequest, context: object
    ) -> dataset_service_pb2.CreateDatasetVersionResponse:
        key = self._key(check_name(request.dataset, "dataset"))
        files = self._artifact(request.artifact_id)
        versions = self.datasets[key]
        if request.description:
            self.descriptions[key] = request.description
        if not versions or versions[-1].artifact_id != request.artifact_id:
            versions.append(
                dataset_pb2.DatasetVersion(
                    dataset=request.dataset,
                    version=len(versions) + 1,
                    artifact_id=request.artifact_id,
                    size_bytes=total_size_bytes(files),
                    file_count=len(files),
                    owner=current_caller.get().user,
                    create_time=now(),
                )
            )
        return dataset_service_pb2.CreateDatasetVersionResponse(version=versions[-1])

    def _dataset(self, key: Key) -> dataset_pb2.Dataset:
        if not self.datasets.get(key):
            raise DatasetNotFound(f"there is no dataset {key[1]}")
        versions = self.datasets[key]
        return dataset_pb2.Dataset(
            name=key[1],
            description=self.descriptions.get(key, ""),
            latest_version=len(versions),
            create_time=versions[0].create_time,
        )

    async def GetDataset(
        self, request: dataset_service_pb2.GetDatasetRequest, context: object
    ) -> dataset_service_pb2.GetDatasetResponse:
        dataset = self._dataset(self._key(request.dataset))
        return dataset_service_pb2.GetDatasetResponse(dataset=dataset)

    async def ListDatasets(
        self, request: dataset_service_pb2.ListDatasetsRequest, context: object
    ) -> dataset_service_pb2.ListDatasetsResponse:
        keys = sorted(key for key in self.datasets if key[0] == current_caller.get().project)
        return dataset_service_pb2.ListDatasetsResponse(
            datasets=[self._dataset(key) for key in keys]
        )

    async def ListDatasetVersions(
        self, request: dataset_service_pb2.ListDatasetVersionsRequest, context: object
    ) -> dataset_service_pb2.ListDatasetVersionsResponse:
        key = self._key(request.dataset)
        self._dataset(key)
        return dataset_service_pb2.ListDatasetVersionsResponse(
            versions=reversed(self.datasets[key])
        )

    # CheckpointService

    async def ListCheckpoints(
        self, request: checkpoint_service_pb2.ListCheckpointsRequest, context: object
    ) -> checkpoint_service_pb2.ListCheckpointsResponse:
        return checkpoint_service_pb2.ListCheckpointsResponse(
            checkpoints=reversed(self.checkpoints[request.job_id])
        )

    # ModelRegistryService

    def _model(self, key: Key) -> model_pb2.Model:
        if not self.models.get(key):
            raise ModelNotFound(f"there is no model {key[1]}")
        versions = self.models[key]
        production = [v.version for v in versions if v.stage == model_pb2.MODEL_STAGE_PRODUCTION]
        return model_pb2.Model(
            name=key[1],
            latest_version=versions[-1].version,
            production_version=production[0] if production else 0,
            create_time=versions[0].create_time,
        )

    async def GetModel(
        self, request: model_registry_service_pb2.GetModelRequest, context: object
    ) -> model_registry_service_pb2.GetModelResponse:
        model = self._model(self._key(request.model))
        return model_registry_service_pb2.GetModelResponse(model=model)

    async def ListModels(
        self, request: model_registry_service_pb2.ListModelsRequest, context: object
    ) -> model_registry_service_pb2.ListModelsResponse:
        keys = sorted(key for key in self.models if key[0] == current_caller.get().project)
        return model_registry_service_pb2.ListModelsResponse(
            models=[self._model(key) for key in keys]
        )

    async def ListModelVersions(
        self, request: model_registry_service_pb2.ListModelVersionsRequest, context: object
    ) -> model_registry_service_pb2.ListModelVersionsResponse:
        key = self._key(request.model)
        self._model(key)
        return model_registry_service_pb2.ListModelVersionsResponse(
            versions=reversed(self.models[key])
        )
