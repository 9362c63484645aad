"""What tests use to talk to a running storage service as its clients do."""

import asyncio
import hashlib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import grpc
import httpx

from tensorfleet.shared.caller import Caller, current_caller
from tensorfleet.shared.transfer import PartToSend, SentPart, digest_file, send_parts
from tensorfleet.storage.v1 import artifact_pb2
from tensorfleet.storage.v1 import artifact_service_pb2 as pb
from tensorfleet.storage.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from tensorfleet.storage.v1.checkpoint_service_pb2_grpc import CheckpointServiceStub
from tensorfleet.storage.v1.dataset_service_pb2_grpc import DatasetServiceStub
from tensorfleet.storage.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub

if TYPE_CHECKING:
    from tensorfleet.storage.v1.artifact_service_pb2_grpc import ArtifactServiceAsyncStub
    from tensorfleet.storage.v1.checkpoint_service_pb2_grpc import CheckpointServiceAsyncStub
    from tensorfleet.storage.v1.dataset_service_pb2_grpc import DatasetServiceAsyncStub
    from tensorfleet.storage.v1.model_registry_service_pb2_grpc import (
        ModelRegistryServiceAsyncStub,
    )

# Tests speak plain HTTP, and reading certificates takes longer than a test.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

SERVICE_TOKEN = "test-service-token-of-32-characters"


@contextmanager
def acting_in(project: str, user: str = "ann") -> Iterator[None]:
    """Calls inside the block are made on behalf of this user and project."""
    before = current_caller.set(Caller(user=user, project=project))
    try:
        yield
    finally:
        current_caller.reset(before)


def new_project() -> str:
    """A project that no other test knows."""
    return f"project-{uuid4().hex}"


def file_of(path: str, content: bytes) -> artifact_pb2.File:
    """The manifest's line for a file with this content."""
    return artifact_pb2.File(
        path=path, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
    )


@dataclass(frozen=True, slots=True)
class StorageClient:
    """The four services of one storage server."""

    channel: grpc.aio.Channel

    @property
    def artifacts(self) -> "ArtifactServiceAsyncStub":
        """ArtifactService."""
        return ArtifactServiceStub(self.channel)

    @property
    def datasets(self) -> "DatasetServiceAsyncStub":
        """DatasetService."""
        return DatasetServiceStub(self.channel)

    @property
    def checkpoints(self) -> "CheckpointServiceAsyncStub":
        """CheckpointService."""
        return CheckpointServiceStub(self.channel)

    @property
    def models(self) -> "ModelRegistryServiceAsyncStub":
        """ModelRegistryService."""
        return ModelRegistryServiceStub(self.channel)

    async def begin(self, contents: Mapping[str, bytes]) -> pb.BeginUploadResponse:
        """Begins an upload of these files."""
        files = [file_of(path, content) for path, content in contents.items()]
        return await self.artifacts.BeginUpload(pb.BeginUploadRequest(files=files))

    async def finish(
        self, upload_id: str, sent: Sequence[SentPart] = ()
    ) -> pb.FinishUploadResponse:
        """Finishes an upload."""
        parts = [
            pb.UploadedPart(sha256=part.sha256, number=part.number, etag=part.etag) for part in sent
        ]
        return await self.artifacts.FinishUpload(
            pb.FinishUploadRequest(upload_id=upload_id, parts=parts)
        )

    async def upload(self, contents: Mapping[str, bytes]) -> str:
        """Uploads small files and returns the artifact's id."""
        begun = await self.begin(contents)
        await asyncio.to_thread(put_contents, begun, contents)
        return (await self.finish(begun.upload_id)).artifact.id

    async def upload_folder(self, folder: Path) -> str:
        """Uploads the files of a folder as the SDK does and returns the artifact's id."""
        paths: dict[str, Path] = {}
        files = []
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            sha256, size = digest_file(path)
            paths[sha256] = path
            name = path.relative_to(folder).as_posix()
            files.append(artifact_pb2.File(path=name, size_bytes=size, sha256=sha256))
        begun = await self.artifacts.BeginUpload(pb.BeginUploadRequest(files=files))
        sent = await asyncio.to_thread(send_parts, parts_to_send(begun, paths))
        return (await self.finish(begun.upload_id, sent)).artifact.id

    async def fetch(self, artifact_id: str) -> dict[str, bytes]:
        """All files of an artifact."""
        answer = await self.artifacts.SignDownload(pb.SignDownloadRequest(artifact_id=artifact_id))
        return {item.file.path: await get_url(item.url) for item in answer.files}


def parts_to_send(begun: pb.BeginUploadResponse, paths: Mapping[str, Path]) -> list[PartToSend]:
    """What BeginUpload asked for, of local files by SHA-256."""
    return [
        PartToSend(
            path=paths[blob.sha256],
            sha256=blob.sha256,
            number=part.number,
            offset_bytes=part.offset_bytes,
            size_bytes=part.size_bytes,
            url=part.url,
        )
        for blob in begun.blobs
        for part in blob.parts
    ]


def put_contents(
    begun: pb.BeginUploadResponse,
    contents: Mapping[str, bytes],
    headers: Mapping[str, str] | None = None,
) -> None:
    """PUTs every missing content of an upload, each in one part."""
    by_digest = {hashlib.sha256(content).hexdigest(): content for content in contents.values()}
    with httpx.Client(trust_env=False, verify=NO_CERTIFICATES) as client:
        for blob in begun.blobs:
            (part,) = blob.parts
            answer = client.put(part.url, content=by_digest[blob.sha256], headers=headers)
            answer.raise_for_status()


async def send(
    method: str, url: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
) -> httpx.Response:
    """The answer to a request on a signed URL."""
    async with httpx.AsyncClient(trust_env=False, verify=NO_CERTIFICATES) as client:
        return await client.request(method, url, content=content, headers=headers)


async def get_url(url: str) -> bytes:
    """The bytes behind a signed URL."""
    return (await send("GET", url)).raise_for_status().content
