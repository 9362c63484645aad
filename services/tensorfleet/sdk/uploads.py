"""Files of this machine → an artifact of the fleet."""

from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import quote

from tensorfleet.sdk.connection import Connection
from tensorfleet.shared.errors import DeadlineExceeded, TensorFleetError
from tensorfleet.shared.local_files import LocalFile, parts_to_send
from tensorfleet.shared.rest import uploads
from tensorfleet.shared.transfer import OnBytes, SentPart, send_parts

# The fleet reads every byte once more before it answers; with much of it, again and again.
FINISH_TIMEOUT_SECONDS = 90.0
FINISH_ATTEMPTS = 10


def upload_files(
    connection: Connection, files: Sequence[LocalFile], on_bytes: OnBytes | None = None
) -> uploads.Artifact:
    """Sends what the fleet does not have yet, and makes all of it an artifact.

    Args:
        on_bytes: Called from several threads with the number of bytes that went out.

    Raises:
        DigestMismatch: A file changed meanwhile.
        Unavailable: The gateway or the object store does not answer.
    """
    begin = uploads.BeginUpload(
        files=[
            uploads.File(
                path=item.file.path, size_bytes=item.file.size_bytes, sha256=item.file.sha256
            )
            for item in files
        ]
    )
    upload = connection.request("POST", "/api/v1/uploads", uploads.Upload, body=begin)
    try:
        sent = send_parts(parts_to_send(files, upload.blobs), on_bytes)
        return _finish(connection, upload, sent)
    except TensorFleetError:
        with suppress(TensorFleetError):  # what is left over expires by itself
            connection.request("DELETE", _path(upload), type(None))
        raise


def _finish(
    connection: Connection, upload: uploads.Upload, sent: Sequence[SentPart]
) -> uploads.Artifact:
    body = uploads.FinishUpload(
        parts=[
            uploads.UploadedPart(sha256=part.sha256, number=part.number, etag=part.etag)
            for part in sent
        ]
    )
    for attempt in range(1, FINISH_ATTEMPTS + 1):
        try:
            return connection.request(
                "POST",
                f"{_path(upload)}/finish",
                uploads.Artifact,
                body=body,
                timeout_seconds=FINISH_TIMEOUT_SECONDS,
            )
        except DeadlineExceeded:
            # It is idempotent, and contents that were checked need no second check.
            if attempt == FINISH_ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _path(upload: uploads.Upload) -> str:
    return f"/api/v1/uploads/{quote(upload.id, safe='')}"
