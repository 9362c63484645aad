"""Model files on the local disk: a cache by artifact id that checks itself.

An artifact's id is the digest of its manifest, so a folder can prove that it is complete and
undamaged without asking anybody.
"""

import asyncio
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from tensorfleet.shared.errors import DigestMismatch, ModelNotServable, TensorFleetError
from tensorfleet.shared.ids import ArtifactId
from tensorfleet.shared.manifest import ManifestFile, artifact_id, check_manifest
from tensorfleet.shared.transfer import FileToFetch, digest_file, fetch_files

MODEL_FILE = "model.pt2"
SIGNATURE_FILE = "signature.json"

_PARTIAL_PREFIX = ".fetch-"
# A partial folder as old as this belongs to a process that has ended.
_PARTIAL_SECONDS = 6 * 3600.0

log = structlog.get_logger(__name__)

SignFiles = Callable[[ArtifactId], Awaitable[list[FileToFetch]]]


class ModelFiles:
    """Fetches artifacts of models into a folder; several processes may share it."""

    def __init__(self, folder: Path, *, max_bytes: int, sign_files: SignFiles) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._sign_files = sign_files
        self._in_use: Counter[ArtifactId] = Counter()
        self._locks: dict[ArtifactId, asyncio.Lock] = {}

    @asynccontextmanager
    async def fetched(self, artifact: ArtifactId) -> AsyncIterator[Path]:
        """A folder with an artifact's files, checked just now; it stays while the block runs.

        Raises:
            ModelNotServable: The artifact has no model, or its stored files are damaged.
            ArtifactNotFound: No such artifact.
            Unavailable: Storage or the object store does not answer.
        """
        self._in_use[artifact] += 1
        try:
            async with self._locks.setdefault(artifact, asyncio.Lock()):
                entry = self._folder / artifact
                if not await asyncio.to_thread(_is_intact, entry, artifact):
                    await self._fetch(entry, artifact)
            yield entry
        finally:
            self._in_use[artifact] -= 1
            if not self._in_use[artifact]:
                del self._in_use[artifact]
                self._locks.pop(artifact, None)

    async def _fetch(self, entry: Path, artifact: ArtifactId) -> None:
        files = await self._sign_files(artifact)
        manifest = check_manifest(item.file for item in files)
        if artifact_id(manifest) != artifact:
            raise TensorFleetError(f"storage gave another manifest for artifact {artifact}")
        paths = {file.path for file in manifest}
        if not {MODEL_FILE, SIGNATURE_FILE} <= paths:
            raise ModelNotServable(
                f"the model's files are {', '.join(sorted(paths)[:5])}; one that can be served has "
                f"{MODEL_FILE} and {SIGNATURE_FILE}, as run.save_model writes them for a module"
            )
        try:
            await asyncio.to_thread(_fetch_into, entry, files)
        except DigestMismatch as exc:
            raise ModelNotServable(f"the model's stored files are damaged: {exc}") from exc
        log.info("model fetched", artifact_id=artifact)
        await asyncio.to_thread(self._prune, frozenset(self._in_use))

    def _prune(self, in_use: frozenset[str]) -> None:
        """Removes the entries used longest ago until the rest fits, and left-over partial ones."""
        entries: list[tuple[float, int, Path]] = []
        for folder in self._folder.iterdir():
            try:
                used = folder.stat().st_mtime
                if not folder.name.startswith(_PARTIAL_PREFIX):
                    entries.append((used, _size_bytes(folder), folder))
                elif time.time() - used > _PARTIAL_SECONDS:
                    shutil.rmtree(folder, ignore_errors=True)
            except FileNotFoundError:
                # Another process prunes at the same time.
                continue
        excess = sum(size for _, size, _ in entries) - self._max_bytes
        for _, size, folder in sorted(entries):
            if excess <= 0:
                break
            if folder.name not in in_use:
                shutil.rmtree(folder, ignore_errors=True)
                excess -= size


def _is_intact(entry: Path, artifact: ArtifactId) -> bool:
    """Whether the folder has exactly the artifact's content. A damaged one is removed."""
    if not entry.is_dir():
        return False
    try:
        files = []
        for path in entry.rglob("*"):
            if path.is_file():
                sha256, size = digest_file(path)
                name = path.relative_to(entry).as_posix()
                files.append(ManifestFile(path=name, size_bytes=size, sha256=sha256))
        if artifact_id(files) == artifact:
            os.utime(entry)
            return True
    except OSError as exc:
        log.warning("cached model cannot be read", artifact_id=artifact, problem=str(exc))
    else:
        log.warning("cached model is damaged and fetched again", artifact_id=artifact)
    shutil.rmtree(entry, ignore_errors=True)
    return False


def _fetch_into(entry: Path, files: list[FileToFetch]) -> None:
    """Fetches into a folder of its own, which gets its name when it is complete."""
    entry.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=entry.parent, prefix=_PARTIAL_PREFIX))
    try:
        fetch_files(files, partial)
        try:
            partial.rename(entry)
        except OSError:
            # Another process was faster.
            if not entry.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
