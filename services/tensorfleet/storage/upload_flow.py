"""The way of an artifact into the store: begin, PUT by the client, finish.

What makes it safe to break off anywhere: contents are PUT under the upload's own keys; a content
becomes a blob only by a copy after its SHA-256 was checked; the manifest is written last, in one
write, and nothing is visible before. Every step can be repeated.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from tensorfleet.shared.clock import Clock
from tensorfleet.shared.errors import (
    ArtifactNotFound,
    DigestMismatch,
    UploadIncomplete,
    UploadNotFound,
)
from tensorfleet.shared.ids import ArtifactId, UploadId, new_upload_id
from tensorfleet.shared.manifest import ManifestFile, artifact_id, check_manifest
from tensorfleet.storage.artifact import Artifact, blob_key
from tensorfleet.storage.object_store import Adoption, ObjectStore, PutTarget
from tensorfleet.storage.store.protocol import ArtifactStore
from tensorfleet.storage.upload import (
    Blob,
    BlobPart,
    Upload,
    UploadRemains,
    UploadState,
    check_sizes,
    choose_part_bytes,
    missing_blobs,
    split_parts,
    upload_key,
)

# So many contents are checked before what is done is written down: a finish that breaks off goes
# on from there.
BLOBS_PER_GROUP = 64

log = structlog.get_logger(__name__)

# S3's ETags by SHA-256 and part number.
Etags = Mapping[tuple[str, int], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartToPut:
    """A part of a missing content, and the URL that takes it."""

    part: BlobPart
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedUpload:
    """What a client needs to upload an artifact: parts to PUT by SHA-256."""

    upload_id: UploadId
    artifact_id: ArtifactId
    parts: Mapping[str, tuple[PartToPut, ...]]
    expire_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFile:
    """A file of an artifact and the URL to GET it from."""

    file: ManifestFile
    url: str


class UploadFlow:
    """Takes artifacts in and signs their way out."""

    def __init__(
        self,
        *,
        store: ArtifactStore,
        objects: ObjectStore,
        clock: Clock,
        upload_ttl: timedelta,
        url_ttl: timedelta,
        part_bytes: int,
    ) -> None:
        self._store = store
        self._objects = objects
        self._clock = clock
        self._upload_ttl = upload_ttl
        self._url_ttl = url_ttl
        self._part_bytes = part_bytes
        self._finishing: dict[tuple[object, ...], asyncio.Task[Artifact]] = {}
        # Uploads whose objects nobody needs any more, for UploadSweep.
        self.finished: asyncio.Queue[UploadRemains] = asyncio.Queue()

    async def begin(self, project: str, files: Sequence[ManifestFile]) -> StartedUpload:
        """Says what the project lacks of these files, and where to PUT it.

        Raises:
            InvalidArtifact: The list of files is not acceptable.
        """
        ordered = check_manifest(files)
        check_sizes(ordered)
        held = await self._store.held_blobs(project, sorted({f.sha256 for f in ordered}))
        missing = missing_blobs(ordered, held)
        upload = Upload(
            id=new_upload_id(),
            project=project,
            artifact_id=artifact_id(ordered),
            files=ordered,
            part_bytes=choose_part_bytes(missing, self._part_bytes),
            expire_time=self._clock() + self._upload_ttl,
        )
        await self._store.insert_upload(upload)
        upload = await self._begin_multiparts(upload, missing)
        return StartedUpload(
            upload_id=upload.id,
            artifact_id=upload.artifact_id,
            parts=await self._sign_parts(upload, missing),
            expire_time=upload.expire_time,
        )

    async def _begin_multiparts(self, upload: Upload, missing: Sequence[Blob]) -> Upload:
        large = [blob.sha256 for blob in missing if blob.size_bytes > upload.part_bytes]
        if not large:
            return upload
        keys = [upload_key(upload.id, sha256) for sha256 in large]
        ids = await asyncio.gather(*(self._objects.begin_multipart(key) for key in keys))
        upload = replace(upload, multipart_ids=dict(zip(large, ids, strict=True)))
        await self._store.set_multipart_ids(upload.id, upload.multipart_ids)
        return upload

    async def _sign_parts(
        self, upload: Upload, missing: Sequence[Blob]
    ) -> dict[str, tuple[PartToPut, ...]]:
        parts = {blob.sha256: split_parts(blob.size_bytes, upload.part_bytes) for blob in missing}
        targets = [
            PutTarget(
                key=upload_key(upload.id, sha256),
                multipart_id=upload.multipart_ids.get(sha256, ""),
                part_number=part.number,
            )
            for sha256, some in parts.items()
            for part in some
        ]
        urls = iter(await self._objects.sign_puts(targets, self._upload_ttl))
        return {
            sha256: tuple(PartToPut(part=part, url=next(urls)) for part in some)
            for sha256, some in parts.items()
        }

    async def finish(self, project: str, upload_id: str, etags: Etags) -> Artifact:
        """Checks what was PUT and makes the artifact visible. Idempotent.

        Goes on when the caller gives up waiting; the same call again waits for the same work.

        Raises:
            UploadNotFound: No such upload, or it was aborted or has expired.
            UploadIncomplete: Something was not PUT yet.
            DigestMismatch: Something else was PUT than announced.
        """
        key = (project, upload_id, frozenset(etags.items()))
        task = self._finishing.get(key)
        if task is None:
            task = asyncio.create_task(self._finish(project, upload_id, etags))
            self._finishing[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        return await asyncio.shield(task)

    def _forget(self, key: tuple[object, ...], task: asyncio.Task[Artifact]) -> None:
        del self._finishing[key]
        if not task.cancelled() and (error := task.exception()):
            # Whoever waited got the error; this is for the case that nobody did.
            log.info("upload did not finish", upload_id=key[1], problem=str(error))

    async def close(self) -> None:
        """Breaks off what is being finished."""
        tasks = list(self._finishing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _finish(self, project: str, upload_id: str, etags: Etags) -> Artifact:
        upload = await self._store.get_upload(project, upload_id)
        if upload.state is UploadState.FINISHED:
            return await self._store.get_artifact(project, upload.artifact_id)
        if upload.state is UploadState.ABORTED or upload.expire_time <= self._clock():
            raise UploadNotFound(f"upload {upload_id!r} was aborted or has expired; begin it again")
        held = await self._store.held_blobs(project, sorted({f.sha256 for f in upload.files}))
        missing = missing_blobs(upload.files, held)
        for start in range(0, len(missing), BLOBS_PER_GROUP):
            await self._adopt(upload, missing[start : start + BLOBS_PER_GROUP], etags)
        artifact = await self._store.insert_artifact(
            Artifact(
                id=upload.artifact_id,
                project=project,
                files=upload.files,
                create_time=self._clock(),
            )
        )
        await self._store.finish_upload(upload.id)
        if missing:
            self.finished.put_nowait(upload.remains)
        log.info("artifact committed", artifact_id=artifact.id, new_blobs=len(missing))
        return artifact

    async def _adopt(self, upload: Upload, blobs: Sequence[Blob], etags: Etags) -> None:
        """Makes blobs of uploaded contents and records those that were right."""
        outcomes = await asyncio.gather(*(self._adopt_one(upload, blob, etags) for blob in blobs))
        by_outcome: dict[Adoption, dict[str, int]] = {outcome: {} for outcome in Adoption}
        for blob, outcome in zip(blobs, outcomes, strict=True):
            by_outcome[outcome][blob.sha256] = blob.size_bytes
        await self._store.insert_blobs(upload.project, by_outcome[Adoption.ADOPTED])
        if different := by_outcome[Adoption.DIFFERENT]:
            raise DigestMismatch(
                f"what was uploaded for {_paths(upload, different)} does not have the announced "
                "SHA-256 and size; upload it again"
            )
        if absent := by_outcome[Adoption.ABSENT]:
            raise UploadIncomplete(
                f"{_paths(upload, absent)} was not uploaded completely; PUT it and finish again"
            )

    async def _adopt_one(self, upload: Upload, blob: Blob, etags: Etags) -> Adoption:
        key = upload_key(upload.id, blob.sha256)
        multipart_id = upload.multipart_ids.get(blob.sha256)
        if multipart_id and await self._objects.size_of(key) is None:
            numbers = [p.number for p in split_parts(blob.size_bytes, upload.part_bytes)]
            parts = [(n, etags[blob.sha256, n]) for n in numbers if (blob.sha256, n) in etags]
            if len(parts) < len(numbers):
                return Adoption.ABSENT
            # When this says that parts are missing, another call may have completed it meanwhile;
            # the adoption looks for the object itself.
            await self._objects.complete_multipart(key, multipart_id, parts)
        return await self._objects.adopt(
            key, blob_key(blob.sha256), sha256=blob.sha256, size_bytes=blob.size_bytes
        )

    async def abort(self, project: str, upload_id: str) -> None:
        """Forgets an upload that is not finished, and what was PUT for it. Idempotent."""
        try:
            upload = await self._store.get_upload(project, upload_id)
        except UploadNotFound:
            return
        if upload.state is UploadState.FINISHED:
            return
        await self._store.abort_upload(upload.id)
        await self._objects.delete_under(upload.remains.prefix, upload.remains.multipart_ids_by_key)

    async def sign_download(
        self, project: str, artifact_id: str, paths: Sequence[str]
    ) -> tuple[tuple[SignedFile, ...], datetime]:
        """URLs of an artifact's files (all, or these), in its order, and until when they work.

        Raises:
            ArtifactNotFound: No such artifact, or it has no such file.
        """
        artifact = await self._store.get_artifact(project, artifact_id)
        files = artifact.files
        if paths:
            wanted = set(paths)
            files = tuple(file for file in files if file.path in wanted)
            if unknown := wanted - {file.path for file in files}:
                raise ArtifactNotFound(
                    f"artifact {artifact_id} has no file {sorted(unknown)[0]!r}; "
                    "GetArtifact lists its files"
                )
        expire_time = self._clock() + self._url_ttl
        keys = [blob_key(file.sha256) for file in files]
        urls = await self._objects.sign_gets(keys, self._url_ttl)
        signed = tuple(
            SignedFile(file=file, url=url) for file, url in zip(files, urls, strict=True)
        )
        return signed, expire_time


def _paths(upload: Upload, digests: Mapping[str, int]) -> str:
    """The files with these contents, for people."""
    paths = [file.path for file in upload.files if file.sha256 in digests]
    shown = ", ".join(repr(path) for path in paths[:3])
    return f"{shown} and {len(paths) - 3} more" if len(paths) > 3 else shown
