"""Uploads and artifacts; the bytes themselves go to S3 by signed URLs."""

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, SkipValidation

from tensorfleet.gateway.bodies import CheckedBody
from tensorfleet.gateway.convert.data import (
    to_artifact,
    to_artifact_download,
    to_begin_request,
    to_finish_request,
    to_upload,
)
from tensorfleet.gateway.problems import problem_responses
from tensorfleet.gateway.upstreams import Upstreams
from tensorfleet.shared.rest import uploads
from tensorfleet.storage.v1 import artifact_service_pb2

# Storage reads every uploaded byte once before it answers.
FINISH_DEADLINE_SECONDS = 60.0


@post(
    "/api/v1/uploads",
    tags=["artifacts"],
    summary="Begin an upload",
    dto=CheckedBody[uploads.BeginUpload],
    return_dto=None,
    responses=problem_responses(400, 401, 413, 503),
)
async def begin_upload(
    data: JSONBody[uploads.BeginUpload],
    upstreams: NamedDependency[SkipValidation[Upstreams]],
) -> Response[uploads.Upload]:
    """Says which contents are missing and where to PUT them."""
    upload = to_upload(await upstreams.artifacts.BeginUpload(to_begin_request(data)))
    return Response(upload, status_code=201, headers={"Location": f"/api/v1/uploads/{upload.id}"})


@post(
    "/api/v1/uploads/{upload_id:str}/finish",
    tags=["artifacts"],
    summary="Finish an upload",
    status_code=200,
    dto=CheckedBody[uploads.FinishUpload],
    return_dto=None,
    responses=problem_responses(400, 401, 404, 409, 503, 504),
)
async def finish_upload(
    upload_id: FromPath[str],
    upstreams: NamedDependency[SkipValidation[Upstreams]],
    data: JSONBody[uploads.FinishUpload | None] = None,
) -> uploads.Artifact:
    """Checks every content and makes the artifact visible, all of it or nothing.

    Idempotent. The body may be left out when no content had several parts.
    """
    request = to_finish_request(upload_id, data or uploads.FinishUpload())
    answer = await upstreams.artifacts.FinishUpload(request, timeout=FINISH_DEADLINE_SECONDS)
    return to_artifact(answer.artifact)


@delete(
    "/api/v1/uploads/{upload_id:str}",
    tags=["artifacts"],
    summary="Abort an upload",
    responses=problem_responses(400, 401, 503),
)
async def abort_upload(
    upload_id: FromPath[str], upstreams: NamedDependency[SkipValidation[Upstreams]]
) -> None:
    """Forgets an upload and what was PUT for it. Idempotent."""
    await upstreams.artifacts.AbortUpload(
        artifact_service_pb2.AbortUploadRequest(upload_id=upload_id)
    )


@get(
    "/api/v1/artifacts/{artifact_id:str}",
    tags=["artifacts"],
    summary="Get an artifact's files",
    responses=problem_responses(400, 401, 404, 503),
)
async def get_artifact(
    artifact_id: FromPath[str], upstreams: NamedDependency[SkipValidation[Upstreams]]
) -> uploads.ArtifactDownload:
    """The manifest, with a signed URL to GET each file."""
    signed = await upstreams.artifacts.SignDownload(
        artifact_service_pb2.SignDownloadRequest(artifact_id=artifact_id)
    )
    return to_artifact_download(artifact_id, signed)
