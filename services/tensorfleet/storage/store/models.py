"""Models and their versions in MongoDB."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument

from tensorfleet.shared.errors import ModelNotFound
from tensorfleet.shared.ids import ArtifactId, JobId, TaskId
from tensorfleet.shared.mongo import Database, Document, mongo_errors_translated
from tensorfleet.storage.artifact import ArtifactSummary
from tensorfleet.storage.model import Model, ModelSource, ModelStage, ModelVersion
from tensorfleet.storage.store.fences import hold_fence
from tensorfleet.storage.store.indexes import MODEL_VERSIONS, MODELS
from tensorfleet.storage.store.pages import names_after, to_page, versions_before
from tensorfleet.storage.store.protocol import Page
from tensorfleet.storage.store.transactions import Session, in_transaction
from tensorfleet.storage.store.upsert import upsert


class MongoModelStore:
    """See protocol.ModelStore."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._models = database[MODELS]
        self._versions = database[MODEL_VERSIONS]

    async def register_version(
        self,
        *,
        project: str,
        model: str,
        artifact: ArtifactSummary,
        signature_json: str,
        metrics: Mapping[str, float],
        source: ModelSource | None,
        description: str,
        owner: str,
        now: datetime,
    ) -> ModelVersion:
        """See ModelStore."""
        content: Document = {
            "artifact_id": artifact.id,
            "size_bytes": artifact.size_bytes,
            "signature_json": signature_json,
            # A list, since names of metrics may have dots and dollars.
            "metrics": [[name, value] for name, value in sorted(metrics.items())],
            "owner": owner,
            "create_time": now,
        }
        if source:
            content["source"] = {
                "job_id": source.job_id,
                "task_id": source.task_id,
                "attempt": source.attempt,
            }

        async def register(session: Session) -> ModelVersion:
            if source:
                await hold_fence(self._database, session, project, source.token)
                replaced = await self._versions.find_one_and_update(
                    {"project": project, "model": model, "source.task_id": source.task_id},
                    {"$set": content},
                    return_document=ReturnDocument.AFTER,
                    session=session,
                )
                if replaced:
                    await self._touch_model(session, project, model, description, now, added=0)
                    return _version_from(replaced)
            number = await self._touch_model(session, project, model, description, now, added=1)
            document = {
                "project": project,
                "model": model,
                "version": number,
                "stage": ModelStage.NONE.value,
                **content,
            }
            await self._versions.insert_one(document, session=session)
            return _version_from(document)

        return await in_transaction(self._database, register)

    async def _touch_model(
        self,
        session: Session,
        project: str,
        model: str,
        description: str,
        now: datetime,
        *,
        added: int,
    ) -> int:
        """Makes or updates the model's own record; returns the number of its newest version."""
        on_insert: dict[str, Any] = {"create_time": now, "production_version": 0}
        update: dict[str, Any] = {"$inc": {"latest_version": added}, "$setOnInsert": on_insert}
        if description:
            update["$set"] = {"description": description}
        else:
            on_insert["description"] = ""
        document = await upsert(self._models, {"project": project, "name": model}, update, session)
        return int(document["latest_version"])

    async def get_model(self, project: str, model: str) -> Model:
        """See ModelStore."""
        with mongo_errors_translated():
            document = await self._models.find_one({"project": project, "name": model})
        if document is None:
            raise _model_not_found(model)
        return _model_from(document)

    async def get_version(self, project: str, model: str, version: int) -> ModelVersion:
        """See ModelStore."""
        number = version
        if number == 0:
            record = await self.get_model(project, model)
            number = record.production_version or record.latest_version
        with mongo_errors_translated():
            document = await self._versions.find_one(
                {"project": project, "model": model, "version": number}
            )
        if document is None:
            raise _model_not_found(model, number)
        return _version_from(document)

    async def list_models(self, project: str, after: str | None, limit: int) -> Page[Model]:
        """See ModelStore."""
        with mongo_errors_translated():
            cursor = self._models.find(names_after(project, after))
            documents = await cursor.sort("name", 1).limit(limit + 1).to_list()
        return to_page(documents, limit, _model_from, lambda document: document["name"])

    async def list_versions(
        self, project: str, model: str, after: int | None, limit: int
    ) -> Page[ModelVersion]:
        """See ModelStore."""
        query = versions_before({"project": project, "model": model}, after)
        with mongo_errors_translated():
            cursor = self._versions.find(query)
            documents = await cursor.sort("version", -1).limit(limit + 1).to_list()
        if not documents:
            await self.get_model(project, model)
        return to_page(documents, limit, _version_from, lambda document: str(document["version"]))


def _model_not_found(model: str, version: int = 0) -> ModelNotFound:
    which = f"version {version} of model {model!r}" if version else f"model {model!r}"
    return ModelNotFound(f"no {which} in this project")


def _model_from(document: Document) -> Model:
    return Model(
        name=document["name"],
        description=document["description"],
        latest_version=document["latest_version"],
        production_version=document["production_version"],
        create_time=document["create_time"],
    )


def _version_from(document: Document) -> ModelVersion:
    source = document.get("source")
    return ModelVersion(
        model=document["model"],
        version=document["version"],
        stage=ModelStage(document["stage"]),
        artifact_id=ArtifactId(document["artifact_id"]),
        size_bytes=document["size_bytes"],
        signature_json=document["signature_json"],
        metrics=dict(document["metrics"]),
        source=ModelSource(
            job_id=JobId(source["job_id"]),
            task_id=TaskId(source["task_id"]),
            attempt=source["attempt"],
        )
        if source
        else None,
        owner=document["owner"],
        create_time=document["create_time"],
    )
