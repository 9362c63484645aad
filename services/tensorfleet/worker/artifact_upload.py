"""A file or folder of a task becomes an artifact."""

import asyncio
from contextlib import suppress
from pathlib import Path

from tensorfleet.shared import local_files, transfer
from tensorfleet.shared.errors import DeadlineExceeded, Unavailable
from tensorfleet.storage.v1 import artifact_pb2
from tensorfleet.storage.v1 import artifact_service_pb2 as pb
from tensorfleet.worker.storage_door import StorageDoor

FINISH_SECONDS = 50.0
FINISH_ATTEMPTS = 40


async def upload_artifact(storage: StorageDoor, path: Path) -> artifact_pb2.Artifact:
    """Uploads and commits; contents that storage has already are not sent again.

    Raises:
        InvalidArtifact: The path does not exist, is empty, or has names that are not allowed.
        Unavailable: Storage or S3 does not answer.
    """
    files = await asyncio.to_thread(local_files.describe, path)
    begun = await storage.artifacts.BeginUpload(
        pb.BeginUploadRequest(
            files=[
                artifact_pb2.File(
                    path=item.file.path, size_bytes=item.file.size_bytes, sha256=item.file.sha256
                )
                for item in files
            ]
        )
    )
    parts = local_files.parts_to_send(files, begun.blobs)
    sent = await asyncio.to_thread(transfer.send_parts, parts)
    request = pb.FinishUploadRequest(
        upload_id=begun.upload_id,
        parts=[
            pb.UploadedPart(sha256=part.sha256, number=part.number, etag=part.etag) for part in sent
        ],
    )
    for _ in range(FINISH_ATTEMPTS):
        # Storage reads large contents once more to check them. It goes on after a deadline, and
        # the same call again waits for the same work.
        with suppress(DeadlineExceeded):
            finished = await storage.artifacts.FinishUpload(request, timeout=FINISH_SECONDS)
            return finished.artifact
    raise Unavailable("storage takes too long to check the upload; try again")
