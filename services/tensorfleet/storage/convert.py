"""Contract messages ↔ domain objects of the storage service."""

from collections.abc import Iterable
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from tensorfleet.shared.errors import FieldError, InvalidInput
from tensorfleet.shared.ids import JobId
from tensorfleet.shared.manifest import ManifestFile
from tensorfleet.storage.artifact import Artifact
from tensorfleet.storage.checkpoint import Checkpoint
from tensorfleet.storage.dataset import Dataset, DatasetVersion
from tensorfleet.storage.fence import check_id, check_token
from tensorfleet.storage.model import Model, ModelSource, ModelStage, ModelVersion
from tensorfleet.storage.upload_flow import Etags, SignedFile, StartedUpload
from tensorfleet.storage.v1 import (
    artifact_pb2,
    artifact_service_pb2,
    checkpoint_pb2,
    dataset_pb2,
    model_pb2,
)

STAGES = {
    ModelStage.NONE: model_pb2.MODEL_STAGE_UNSPECIFIED,
    ModelStage.STAGING: model_pb2.MODEL_STAGE_STAGING,
    ModelStage.PRODUCTION: model_pb2.MODEL_STAGE_PRODUCTION,
    ModelStage.ARCHIVED: model_pb2.MODEL_STAGE_ARCHIVED,
}


def time_to_proto(time: datetime) -> Timestamp:
    """A Timestamp of an aware datetime."""
    timestamp = Timestamp()
    timestamp.FromDatetime(time)
    return timestamp


def files_from_proto(files: Iterable[artifact_pb2.File]) -> list[ManifestFile]:
    """Files of a manifest, not yet checked."""
    return [
        ManifestFile(path=file.path, size_bytes=file.size_bytes, sha256=file.sha256)
        for file in files
    ]


def file_to_proto(file: ManifestFile) -> artifact_pb2.File:
    """One file of a manifest."""
    return artifact_pb2.File(path=file.path, size_bytes=file.size_bytes, sha256=file.sha256)


def artifact_to_proto(artifact: Artifact) -> artifact_pb2.Artifact:
    """An artifact with its files."""
    return artifact_pb2.Artifact(
        id=artifact.id,
        files=[file_to_proto(file) for file in artifact.files],
        size_bytes=artifact.summary.size_bytes,
        create_time=time_to_proto(artifact.create_time),
    )


def started_upload_to_proto(upload: StartedUpload) -> artifact_service_pb2.BeginUploadResponse:
    """Where to PUT what."""
    return artifact_service_pb2.BeginUploadResponse(
        upload_id=upload.upload_id,
        blobs=[
            artifact_service_pb2.BlobUpload(
                sha256=sha256,
                parts=[
                    artifact_service_pb2.UploadPart(
                        number=p.part.number,
                        offset_bytes=p.part.offset_bytes,
                        size_bytes=p.part.size_bytes,
                        url=p.url,
                    )
                    for p in parts
                ],
            )
            for sha256, parts in upload.parts.items()
        ],
        expire_time=time_to_proto(upload.expire_time),
        artifact_id=upload.artifact_id,
    )


def etags_from_proto(parts: Iterable[artifact_service_pb2.UploadedPart]) -> Etags:
    """What S3 answered, by SHA-256 and part number."""
    return {(part.sha256, part.number): part.etag for part in parts}


def download_to_proto(
    files: Iterable[SignedFile], expire_time: datetime
) -> artifact_service_pb2.SignDownloadResponse:
    """Where to GET what."""
    return artifact_service_pb2.SignDownloadResponse(
        files=[
            artifact_service_pb2.SignDownloadResponse.FileDownload(
                file=file_to_proto(signed.file), url=signed.url
            )
            for signed in files
        ],
        expire_time=time_to_proto(expire_time),
    )


def dataset_to_proto(dataset: Dataset) -> dataset_pb2.Dataset:
    """A dataset."""
    return dataset_pb2.Dataset(
        name=dataset.name,
        description=dataset.description,
        latest_version=dataset.latest_version,
        create_time=time_to_proto(dataset.create_time),
    )


def dataset_version_to_proto(version: DatasetVersion) -> dataset_pb2.DatasetVersion:
    """A dataset's version."""
    return dataset_pb2.DatasetVersion(
        dataset=version.dataset,
        version=version.version,
        artifact_id=version.artifact_id,
        size_bytes=version.size_bytes,
        file_count=version.file_count,
        owner=version.owner,
        create_time=time_to_proto(version.create_time),
    )


def checkpoint_to_proto(checkpoint: Checkpoint) -> checkpoint_pb2.Checkpoint:
    """A checkpoint."""
    return checkpoint_pb2.Checkpoint(
        job_id=checkpoint.job_id,
        task_id=checkpoint.task_id,
        attempt=checkpoint.attempt,
        step=checkpoint.step,
        artifact_id=checkpoint.artifact_id,
        size_bytes=checkpoint.size_bytes,
        create_time=time_to_proto(checkpoint.create_time),
    )


def model_to_proto(model: Model) -> model_pb2.Model:
    """A model."""
    return model_pb2.Model(
        name=model.name,
        description=model.description,
        latest_version=model.latest_version,
        production_version=model.production_version,
        create_time=time_to_proto(model.create_time),
    )


def model_version_to_proto(version: ModelVersion) -> model_pb2.ModelVersion:
    """A model's version."""
    source = version.source
    return model_pb2.ModelVersion(
        model=version.model,
        version=version.version,
        stage=STAGES[version.stage],
        artifact_id=version.artifact_id,
        size_bytes=version.size_bytes,
        signature_json=version.signature_json,
        metrics=version.metrics,
        source=model_pb2.ModelSource(
            job_id=source.job_id, task_id=source.task_id, attempt=source.attempt
        )
        if source
        else None,
        owner=version.owner,
        create_time=time_to_proto(version.create_time),
    )


def source_from_proto(source: model_pb2.ModelSource) -> ModelSource | None:
    """The task that made a version; None when all is empty, for an upload by hand.

    Raises:
        InvalidInput: It says a part only.
    """
    if source == model_pb2.ModelSource():
        return None
    try:
        job_id = check_id(source.job_id, "source.job_id")
        token = check_token(source.task_id, source.attempt)
    except InvalidInput as exc:
        message = f"source must name job, task and attempt, or nothing: {exc}"
        raise InvalidInput(message, (FieldError(field="source", message=message),)) from exc
    return ModelSource(job_id=JobId(job_id), task_id=token.task_id, attempt=token.attempt)
