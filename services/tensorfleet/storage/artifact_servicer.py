"""ArtifactService: bytes in and out."""

from typing import Any

from tensorfleet.shared.caller import current_caller
from tensorfleet.storage import convert
from tensorfleet.storage.store.protocol import ArtifactStore
from tensorfleet.storage.upload_flow import UploadFlow
from tensorfleet.storage.v1 import artifact_service_pb2 as pb
from tensorfleet.storage.v1 import artifact_service_pb2_grpc as pb_grpc


class ArtifactServicer(pb_grpc.ArtifactServiceServicer):
    """See artifact_service.proto."""

    def __init__(self, *, store: ArtifactStore, uploads: UploadFlow) -> None:
        self._store = store
        self._uploads = uploads

    async def BeginUpload(
        self, request: pb.BeginUploadRequest, context: Any
    ) -> pb.BeginUploadResponse:
        """See artifact_service.proto."""
        files = convert.files_from_proto(request.files)
        upload = await self._uploads.begin(current_caller.get().project, files)
        return convert.started_upload_to_proto(upload)

    async def FinishUpload(
        self, request: pb.FinishUploadRequest, context: Any
    ) -> pb.FinishUploadResponse:
        """See artifact_service.proto."""
        etags = convert.etags_from_proto(request.parts)
        project = current_caller.get().project
        artifact = await self._uploads.finish(project, request.upload_id, etags)
        return pb.FinishUploadResponse(artifact=convert.artifact_to_proto(artifact))

    async def AbortUpload(
        self, request: pb.AbortUploadRequest, context: Any
    ) -> pb.AbortUploadResponse:
        """See artifact_service.proto."""
        await self._uploads.abort(current_caller.get().project, request.upload_id)
        return pb.AbortUploadResponse()

    async def GetArtifact(
        self, request: pb.GetArtifactRequest, context: Any
    ) -> pb.GetArtifactResponse:
        """See artifact_service.proto."""
        project = current_caller.get().project
        artifact = await self._store.get_artifact(project, request.artifact_id)
        return pb.GetArtifactResponse(artifact=convert.artifact_to_proto(artifact))

    async def SignDownload(
        self, request: pb.SignDownloadRequest, context: Any
    ) -> pb.SignDownloadResponse:
        """See artifact_service.proto."""
        files, expire_time = await self._uploads.sign_download(
            current_caller.get().project, request.artifact_id, request.paths
        )
        return convert.download_to_proto(files, expire_time)
