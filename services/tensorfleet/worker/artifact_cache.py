"""Artifacts on the worker's disk: fetched once, checked, and shared by all its tasks."""

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from tensorfleet.shared import manifest, transfer
from tensorfleet.shared.errors import DigestMismatch
from tensorfleet.shared.ids import ArtifactId
from tensorfleet.shared.manifest import ManifestFile
from tensorfleet.storage.v1 import artifact_service_pb2 as pb
from tensorfleet.worker.storage_door import StorageDoor

log = structlog.get_logger(__name__)


class ArtifactCache:
    """Folders by artifact id, within a size that is looked at after each fetch.

    Those in use stay; of the others the least recently used go first.
    """

    def __init__(self, folder: Path, storage: StorageDoor, limit_bytes: int) -> None:
        self._folder = folder
        self._storage = storage
        self._limit_bytes = limit_bytes
        self._locks: dict[ArtifactId, asyncio.Lock] = {}
        self._users: Counter[ArtifactId] = Counter()
        folder.mkdir(parents=True, exist_ok=True)

    def newest(self, count: int) -> list[ArtifactId]:
        """Those that are here, most recently used first, at most so many."""
        with os.scandir(self._folder) as entries:
            found = sorted(
                ((e.stat().st_mtime, e.name) for e in entries if not e.name.startswith(".")),
                reverse=True,
            )
        return [ArtifactId(name) for _, name in found[:count]]

    @asynccontextmanager
    async def held(self, artifact_id: ArtifactId) -> AsyncIterator[Path]:
        """The artifact's folder, which stays as long as the block. Its files are read-only.

        Raises:
            ArtifactNotFound: Storage does not have it.
            DigestMismatch: Its bytes in S3 are damaged.
            Unavailable: Storage or S3 does not answer.
        """
        self._users[artifact_id] += 1
        try:
            async with self._locks.setdefault(artifact_id, asyncio.Lock()):
                target = self._folder / artifact_id
                if not target.is_dir():
                    await self._fetch(artifact_id, target)
                    await asyncio.to_thread(self._evict)
                os.utime(target)
            yield target
        finally:
            self._users[artifact_id] -= 1

    async def _fetch(self, artifact_id: ArtifactId, target: Path) -> None:
        answer = await self._storage.artifacts.SignDownload(
            pb.SignDownloadRequest(artifact_id=artifact_id)
        )
        files = [
            transfer.FileToFetch(
                file=ManifestFile(
                    path=item.file.path,
                    size_bytes=item.file.size_bytes,
                    sha256=item.file.sha256,
                ),
                url=item.url,
            )
            for item in answer.files
        ]
        # Storage is not to be trusted with where we write.
        checked = manifest.check_manifest(item.file for item in files)
        if manifest.artifact_id(checked) != artifact_id:
            raise DigestMismatch(f"storage gave another list of files for artifact {artifact_id}")
        partial = Path(tempfile.mkdtemp(prefix=".fetch-", dir=self._folder))
        try:
            await asyncio.to_thread(transfer.fetch_files, files, partial)
            await asyncio.to_thread(_make_read_only, partial)
            partial.rename(target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def _evict(self) -> None:
        entries = []
        for path in self._folder.iterdir():
            if path.name.startswith("."):
                continue
            size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
            entries.append((path.stat().st_mtime, size, path))
        total = sum(size for _, size, _ in entries)
        for _, size, path in sorted(entries):
            if total <= self._limit_bytes:
                return
            if self._users[ArtifactId(path.name)] == 0:
                shutil.rmtree(path, ignore_errors=True)
                total -= size
                log.info("artifact evicted from cache", artifact_id=path.name, size_bytes=size)


def _make_read_only(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            path.chmod(0o444)
