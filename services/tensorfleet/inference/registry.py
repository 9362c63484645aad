"""The model registry, asked over storage's contract."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from tensorfleet.inference.registered_version import FRESH, STALE, RegisteredVersion
from tensorfleet.shared.errors import DeadlineExceeded, Unavailable
from tensorfleet.shared.ids import ArtifactId
from tensorfleet.shared.manifest import ManifestFile
from tensorfleet.shared.transfer import FileToFetch
from tensorfleet.storage.v1 import artifact_service_pb2, model_registry_service_pb2
from tensorfleet.storage.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from tensorfleet.storage.v1.model_registry_service_pb2_grpc import ModelRegistryServiceStub

if TYPE_CHECKING:
    from tensorfleet.storage.v1.artifact_service_pb2_grpc import ArtifactServiceAsyncStub
    from tensorfleet.storage.v1.model_registry_service_pb2_grpc import (
        ModelRegistryServiceAsyncStub,
    )

ASK_SECONDS = 5.0
MAX_REMEMBERED = 1024

Key = tuple[str, str, int]


@dataclass(slots=True)
class _Answer:
    version: RegisteredVersion
    # When storage said so, and when it was last asked, successfully or not; monotonic seconds.
    told: float
    asked: float


class StorageRegistry:
    """Finds versions and their files. Calls are made on behalf of the current caller."""

    def __init__(
        self, channel: grpc.aio.Channel, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._models: ModelRegistryServiceAsyncStub = ModelRegistryServiceStub(channel)
        self._artifacts: ArtifactServiceAsyncStub = ArtifactServiceStub(channel)
        self._monotonic = monotonic
        self._answers: OrderedDict[Key, _Answer] = OrderedDict()
        self._asking: dict[Key, asyncio.Task[RegisteredVersion]] = {}

    async def resolve(self, project: str, model: str, version: int) -> RegisteredVersion:
        """The version with this number; zero means the one in production, or the newest.

        An answer may be a second old, and a few minutes while storage does not answer.

        Args:
            project: The current caller's.

        Raises:
            ModelNotFound: No such model or version.
            Unavailable: Storage does not answer, and never said.
        """
        key = (project, model, version)
        known = self._answers.get(key)
        if known and self._monotonic() - known.asked < FRESH.total_seconds():
            return known.version
        task = self._asking.get(key)
        if task is None:
            task = asyncio.create_task(self._ask(key))
            self._asking[key] = task
            task.add_done_callback(lambda done: self._forget_asking(key, done))
        try:
            return await asyncio.shield(task)
        except (Unavailable, DeadlineExceeded):
            if known is None or self._monotonic() - known.told > STALE.total_seconds():
                raise
            known.asked = self._monotonic()
            return known.version

    def _forget_asking(self, key: Key, task: "asyncio.Task[RegisteredVersion]") -> None:
        del self._asking[key]
        if not task.cancelled():
            # Looked at, so that asyncio does not complain when nobody waits any more.
            task.exception()

    async def _ask(self, key: Key) -> RegisteredVersion:
        project, model, number = key
        asked = self._monotonic()
        try:
            answer = await self._models.GetModelVersion(
                model_registry_service_pb2.GetModelVersionRequest(model=model, version=number),
                timeout=ASK_SECONDS,
            )
        except (Unavailable, DeadlineExceeded):
            raise
        except Exception:
            # It is not there any more.
            self._answers.pop(key, None)
            raise
        version = RegisteredVersion(
            project=project,
            model=answer.version.model,
            version=answer.version.version,
            artifact_id=ArtifactId(answer.version.artifact_id),
            size_bytes=answer.version.size_bytes,
            signature_json=answer.version.signature_json,
        )
        self._answers[key] = _Answer(version=version, told=asked, asked=asked)
        self._answers.move_to_end(key)
        if len(self._answers) > MAX_REMEMBERED:
            self._answers.popitem(last=False)
        return version

    async def sign_files(self, artifact_id: ArtifactId) -> list[FileToFetch]:
        """An artifact's files and the URLs to fetch them from.

        Raises:
            ArtifactNotFound: No such artifact.
            Unavailable: Storage does not answer.
        """
        answer = await self._artifacts.SignDownload(
            artifact_service_pb2.SignDownloadRequest(artifact_id=artifact_id)
        )
        return [
            FileToFetch(
                file=ManifestFile(
                    path=item.file.path, size_bytes=item.file.size_bytes, sha256=item.file.sha256
                ),
                url=item.url,
            )
            for item in answer.files
        ]
