"""Artifacts, held contents and uploads in MongoDB."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import InsertOne
from pymongo.errors import BulkWriteError, DuplicateKeyError

from tensorfleet.shared.errors import ArtifactNotFound, Unavailable, UploadNotFound
from tensorfleet.shared.ids import ArtifactId, UploadId
from tensorfleet.shared.manifest import ManifestFile
from tensorfleet.shared.mongo import Database, Document, mongo_errors_translated
from tensorfleet.storage.artifact import Artifact, ArtifactSummary
from tensorfleet.storage.store.indexes import ARTIFACTS, BLOBS, UPLOADS
from tensorfleet.storage.upload import Upload, UploadRemains, UploadState

# Keeps one query's list of digests well below MongoDB's 16 MiB.
DIGESTS_PER_QUERY = 2000
DUPLICATE_KEY = 11000


class MongoArtifactStore:
    """See protocol.ArtifactStore."""

    def __init__(self, database: Database) -> None:
        self._artifacts = database[ARTIFACTS]
        self._blobs = database[BLOBS]
        self._uploads = database[UPLOADS]

    async def get_artifact(self, project: str, artifact_id: str) -> Artifact:
        """See ArtifactStore."""
        with mongo_errors_translated():
            document = await self._artifacts.find_one(
                {"project": project, "artifact_id": artifact_id}
            )
        if document is None:
            raise _artifact_not_found(artifact_id)
        return Artifact(
            id=ArtifactId(document["artifact_id"]),
            project=document["project"],
            files=_files_from(document["files"]),
            create_time=document["create_time"],
        )

    async def get_summary(self, project: str, artifact_id: str) -> ArtifactSummary:
        """See ArtifactStore."""
        with mongo_errors_translated():
            document = await self._artifacts.find_one(
                {"project": project, "artifact_id": artifact_id}, {"files": 0}
            )
        if document is None:
            raise _artifact_not_found(artifact_id)
        return ArtifactSummary(
            id=ArtifactId(document["artifact_id"]),
            size_bytes=document["size_bytes"],
            file_count=document["file_count"],
        )

    async def insert_artifact(self, artifact: Artifact) -> Artifact:
        """See ArtifactStore."""
        document = {
            "project": artifact.project,
            "artifact_id": artifact.id,
            "files": _files_to(artifact.files),
            "size_bytes": artifact.summary.size_bytes,
            "file_count": artifact.summary.file_count,
            "create_time": artifact.create_time,
        }
        try:
            with mongo_errors_translated():
                await self._artifacts.insert_one(document)
        except DuplicateKeyError:
            return await self.get_artifact(artifact.project, artifact.id)
        return artifact

    async def held_blobs(self, project: str, digests: Sequence[str]) -> dict[str, int]:
        """See ArtifactStore."""
        held: dict[str, int] = {}
        with mongo_errors_translated():
            for start in range(0, len(digests), DIGESTS_PER_QUERY):
                some = list(digests[start : start + DIGESTS_PER_QUERY])
                query = {"project": project, "sha256": {"$in": some}}
                async for document in self._blobs.find(query, {"_id": 0, "project": 0}):
                    held[document["sha256"]] = document["size_bytes"]
        return held

    async def insert_blobs(self, project: str, sizes: Mapping[str, int]) -> None:
        """See ArtifactStore."""
        if not sizes:
            return
        inserts = [
            InsertOne[Document]({"project": project, "sha256": sha256, "size_bytes": size})
            for sha256, size in sizes.items()
        ]
        with mongo_errors_translated():
            try:
                await self._blobs.bulk_write(inserts, ordered=False)
            except BulkWriteError as exc:
                failures = exc.details.get("writeErrors", [])
                is_only_repeated = all(f["code"] == DUPLICATE_KEY for f in failures)
                if exc.details.get("writeConcernErrors") or not is_only_repeated:
                    raise Unavailable("MongoDB did not take all records; try again") from exc

    async def insert_upload(self, upload: Upload) -> None:
        """See ArtifactStore."""
        with mongo_errors_translated():
            await self._uploads.insert_one(
                {
                    "_id": upload.id,
                    "project": upload.project,
                    "artifact_id": upload.artifact_id,
                    "files": _files_to(upload.files),
                    "part_bytes": upload.part_bytes,
                    "multipart_ids": dict(upload.multipart_ids),
                    "state": upload.state.value,
                    "expire_time": upload.expire_time,
                }
            )

    async def set_multipart_ids(self, upload_id: UploadId, ids: Mapping[str, str]) -> None:
        """See ArtifactStore."""
        with mongo_errors_translated():
            await self._uploads.update_one({"_id": upload_id}, {"$set": {"multipart_ids": ids}})

    async def get_upload(self, project: str, upload_id: str) -> Upload:
        """See ArtifactStore."""
        with mongo_errors_translated():
            document = await self._uploads.find_one({"_id": upload_id, "project": project})
        if document is None:
            raise UploadNotFound(f"no upload {upload_id!r}; begin it again")
        return Upload(
            id=UploadId(document["_id"]),
            project=document["project"],
            artifact_id=ArtifactId(document["artifact_id"]),
            files=_files_from(document["files"]),
            part_bytes=document["part_bytes"],
            multipart_ids=document["multipart_ids"],
            state=UploadState(document["state"]),
            expire_time=document["expire_time"],
        )

    async def finish_upload(self, upload_id: UploadId) -> None:
        """See ArtifactStore."""
        await self._change_state(upload_id, UploadState.FINISHED)

    async def abort_upload(self, upload_id: UploadId) -> None:
        """See ArtifactStore."""
        await self._change_state(upload_id, UploadState.ABORTED)

    async def _change_state(self, upload_id: UploadId, state: UploadState) -> None:
        with mongo_errors_translated():
            await self._uploads.update_one(
                {"_id": upload_id, "state": UploadState.OPEN.value},
                {"$set": {"state": state.value}},
            )

    async def expired_uploads(self, before: datetime, limit: int) -> tuple[UploadRemains, ...]:
        """See ArtifactStore."""
        with mongo_errors_translated():
            cursor = self._uploads.find({"expire_time": {"$lt": before}}, {"multipart_ids": 1})
            documents = await cursor.sort("expire_time", 1).limit(limit).to_list()
        return tuple(
            UploadRemains(id=UploadId(d["_id"]), multipart_ids=d["multipart_ids"])
            for d in documents
        )

    async def delete_upload(self, upload_id: UploadId) -> None:
        """See ArtifactStore."""
        with mongo_errors_translated():
            await self._uploads.delete_one({"_id": upload_id})


def _artifact_not_found(artifact_id: str) -> ArtifactNotFound:
    return ArtifactNotFound(f"no artifact {artifact_id[:64]!r} in this project; upload it first")


def _files_to(files: Iterable[ManifestFile]) -> list[dict[str, Any]]:
    return [{"path": f.path, "size_bytes": f.size_bytes, "sha256": f.sha256} for f in files]


def _files_from(documents: Iterable[Mapping[str, Any]]) -> tuple[ManifestFile, ...]:
    return tuple(
        ManifestFile(path=d["path"], size_bytes=d["size_bytes"], sha256=d["sha256"])
        for d in documents
    )
