"""Checkpoints in MongoDB."""

from datetime import UTC, datetime, timedelta

from bson import ObjectId
from bson.errors import InvalidId

from tensorfleet.shared.errors import CheckpointNotFound, InvalidPageToken
from tensorfleet.shared.ids import ArtifactId, JobId, TaskId
from tensorfleet.shared.mongo import Database, Document, mongo_errors_translated
from tensorfleet.storage.checkpoint import Checkpoint
from tensorfleet.storage.fence import FencingToken
from tensorfleet.storage.store.fences import hold_fence
from tensorfleet.storage.store.indexes import CHECKPOINTS
from tensorfleet.storage.store.pages import to_page
from tensorfleet.storage.store.protocol import Page
from tensorfleet.storage.store.transactions import Session, in_transaction
from tensorfleet.storage.store.upsert import upsert

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class MongoCheckpointStore:
    """See protocol.CheckpointStore."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._checkpoints = database[CHECKPOINTS]

    async def commit_checkpoint(self, project: str, checkpoint: Checkpoint) -> Checkpoint:
        """See CheckpointStore."""
        token = FencingToken(task_id=checkpoint.task_id, attempt=checkpoint.attempt)
        key = {"project": project, "task_id": checkpoint.task_id, "step": checkpoint.step}
        new = _to_document(project, checkpoint)

        async def commit(session: Session) -> Checkpoint:
            await hold_fence(self._database, session, project, token)
            present = await self._checkpoints.find_one(key, session=session)
            if present and all(present[k] == new[k] for k in ("artifact_id", "attempt")):
                return _from_document(present)
            return _from_document(await upsert(self._checkpoints, key, {"$set": new}, session))

        return await in_transaction(self._database, commit)

    async def latest_checkpoint(self, project: str, task_id: str) -> Checkpoint:
        """See CheckpointStore."""
        with mongo_errors_translated():
            document = await self._checkpoints.find_one(
                {"project": project, "task_id": task_id}, sort=[("step", -1)]
            )
        if document is None:
            raise CheckpointNotFound(f"task {task_id!r} has no checkpoint; start at the beginning")
        return _from_document(document)

    async def list_checkpoints(
        self, project: str, job_id: JobId, after: str | None, limit: int
    ) -> Page[Checkpoint]:
        """See CheckpointStore."""
        query: Document = {"project": project, "job_id": job_id}
        if after is not None:
            time, id_ = _split_key(after)
            query["$or"] = [
                {"create_time": {"$lt": time}},
                {"create_time": time, "_id": {"$lt": id_}},
            ]
        with mongo_errors_translated():
            cursor = self._checkpoints.find(query)
            newest_first = cursor.sort([("create_time", -1), ("_id", -1)])
            documents = await newest_first.limit(limit + 1).to_list()
        return to_page(documents, limit, _from_document, _key_of)


def _key_of(document: Document) -> str:
    milliseconds = (document["create_time"] - _EPOCH) // timedelta(milliseconds=1)
    return f"{milliseconds}.{document['_id']}"


def _split_key(key: str) -> tuple[datetime, ObjectId]:
    milliseconds, _, id_ = key.partition(".")
    try:
        return _EPOCH + timedelta(milliseconds=int(milliseconds)), ObjectId(id_)
    except (ValueError, OverflowError, InvalidId) as exc:
        raise InvalidPageToken("page_token is not one of this fleet's; start at page one") from exc


def _to_document(project: str, checkpoint: Checkpoint) -> Document:
    return {
        "project": project,
        "job_id": checkpoint.job_id,
        "task_id": checkpoint.task_id,
        "attempt": checkpoint.attempt,
        "step": checkpoint.step,
        "artifact_id": checkpoint.artifact_id,
        "size_bytes": checkpoint.size_bytes,
        "create_time": checkpoint.create_time,
    }


def _from_document(document: Document) -> Checkpoint:
    return Checkpoint(
        job_id=JobId(document["job_id"]),
        task_id=TaskId(document["task_id"]),
        attempt=document["attempt"],
        step=document["step"],
        artifact_id=ArtifactId(document["artifact_id"]),
        size_bytes=document["size_bytes"],
        create_time=document["create_time"],
    )
