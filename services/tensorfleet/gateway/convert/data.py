"""Uploads, artifacts, datasets and models between protobuf and REST."""

from tensorfleet.gateway.convert import words
from tensorfleet.gateway.convert.values import to_object, to_time
from tensorfleet.shared.rest import datasets, models, uploads
from tensorfleet.shared.rest.numbers import to_json_number
from tensorfleet.storage.v1 import artifact_pb2, artifact_service_pb2, dataset_pb2, model_pb2


def to_begin_request(begin: uploads.BeginUpload) -> artifact_service_pb2.BeginUploadRequest:
    """An upload as storage takes it."""
    return artifact_service_pb2.BeginUploadRequest(
        files=[
            artifact_pb2.File(path=file.path, size_bytes=file.size_bytes, sha256=file.sha256)
            for file in begin.files
        ]
    )


def to_finish_request(
    upload_id: str, finish: uploads.FinishUpload
) -> artifact_service_pb2.FinishUploadRequest:
    """The end of an upload as storage takes it."""
    return artifact_service_pb2.FinishUploadRequest(
        upload_id=upload_id,
        parts=[
            artifact_service_pb2.UploadedPart(
                sha256=part.sha256, number=part.number, etag=part.etag
            )
            for part in finish.parts
        ],
    )


def to_upload(begun: artifact_service_pb2.BeginUploadResponse) -> uploads.Upload:
    """What to PUT where, for a client."""
    return uploads.Upload(
        id=begun.upload_id,
        artifact_id=begun.artifact_id,
        blobs=[_to_blob(blob) for blob in begun.blobs],
        expire_time=to_time(begun, "expire_time"),
    )


def _to_blob(blob: artifact_service_pb2.BlobUpload) -> uploads.BlobUpload:
    return uploads.BlobUpload(
        sha256=blob.sha256,
        parts=[
            uploads.UploadPart(
                number=part.number,
                offset_bytes=part.offset_bytes,
                size_bytes=part.size_bytes,
                url=part.url,
            )
            for part in blob.parts
        ],
    )


def to_artifact(artifact: artifact_pb2.Artifact) -> uploads.Artifact:
    """A manifest for a client."""
    return uploads.Artifact(
        id=artifact.id,
        files=[
            uploads.File(path=file.path, size_bytes=file.size_bytes, sha256=file.sha256)
            for file in artifact.files
        ],
        size_bytes=artifact.size_bytes,
        create_time=to_time(artifact, "create_time"),
    )


def to_artifact_download(
    artifact_id: str, signed: artifact_service_pb2.SignDownloadResponse
) -> uploads.ArtifactDownload:
    """A manifest with signed URLs, for a client."""
    files = [
        uploads.FileDownload(
            path=entry.file.path,
            size_bytes=entry.file.size_bytes,
            sha256=entry.file.sha256,
            url=entry.url,
        )
        for entry in signed.files
    ]
    return uploads.ArtifactDownload(
        id=artifact_id,
        files=files,
        size_bytes=sum(file.size_bytes for file in files),
        expire_time=to_time(signed, "expire_time"),
    )


def to_dataset(dataset: dataset_pb2.Dataset) -> datasets.Dataset:
    """A dataset for a client."""
    return datasets.Dataset(
        name=dataset.name,
        description=dataset.description,
        latest_version=dataset.latest_version,
        create_time=to_time(dataset, "create_time"),
    )


def to_dataset_version(version: dataset_pb2.DatasetVersion) -> datasets.DatasetVersion:
    """A version of a dataset for a client."""
    return datasets.DatasetVersion(
        dataset=version.dataset,
        version=version.version,
        artifact_id=version.artifact_id,
        size_bytes=version.size_bytes,
        file_count=version.file_count,
        owner=version.owner,
        create_time=to_time(version, "create_time"),
    )


def to_model(model: model_pb2.Model) -> models.Model:
    """A model for a client."""
    return models.Model(
        name=model.name,
        description=model.description,
        latest_version=model.latest_version,
        production_version=model.production_version,
        create_time=to_time(model, "create_time"),
    )


def to_model_version(version: model_pb2.ModelVersion) -> models.ModelVersion:
    """A version of a model for a client."""
    source = version.source
    return models.ModelVersion(
        model=version.model,
        version=version.version,
        stage=words.MODEL_STAGES[version.stage],
        artifact_id=version.artifact_id,
        size_bytes=version.size_bytes,
        signature=to_object(version.signature_json),
        metrics={name: to_json_number(value) for name, value in version.metrics.items()},
        source=models.ModelSource(
            job_id=source.job_id, task_id=source.task_id, attempt=source.attempt
        )
        if version.HasField("source")
        else None,
        owner=version.owner,
        create_time=to_time(version, "create_time"),
    )
