"""Datasets and their versions in MongoDB."""

from datetime import datetime
from typing import Any

from tensorfleet.shared.errors import DatasetNotFound
from tensorfleet.shared.ids import ArtifactId
from tensorfleet.shared.mongo import Database, Document, mongo_errors_translated
from tensorfleet.storage.artifact import ArtifactSummary
from tensorfleet.storage.dataset import Dataset, DatasetVersion
from tensorfleet.storage.store.indexes import DATASET_VERSIONS, DATASETS
from tensorfleet.storage.store.pages import names_after, to_page, versions_before
from tensorfleet.storage.store.protocol import Page
from tensorfleet.storage.store.transactions import Session, in_transaction
from tensorfleet.storage.store.upsert import upsert


class MongoDatasetStore:
    """See protocol.DatasetStore."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._datasets = database[DATASETS]
        self._versions = database[DATASET_VERSIONS]

    async def create_version(
        self,
        *,
        project: str,
        dataset: str,
        artifact: ArtifactSummary,
        description: str,
        owner: str,
        now: datetime,
    ) -> DatasetVersion:
        """See DatasetStore."""
        key = {"project": project, "name": dataset}

        async def create(session: Session) -> DatasetVersion:
            newest = await self._versions.find_one(
                {"project": project, "dataset": dataset},
                sort=[("version", -1)],
                session=session,
            )
            if newest and newest["artifact_id"] == artifact.id:
                if description:
                    await self._datasets.update_one(
                        key, {"$set": {"description": description}}, session=session
                    )
                return _version_from(newest)
            updated = await upsert(
                self._datasets,
                key,
                {
                    "$inc": {"latest_version": 1},
                    **_description_update(description),
                    "$setOnInsert": {
                        "create_time": now,
                        **({} if description else {"description": ""}),
                    },
                },
                session,
            )
            version = DatasetVersion(
                dataset=dataset,
                version=updated["latest_version"],
                artifact_id=artifact.id,
                size_bytes=artifact.size_bytes,
                file_count=artifact.file_count,
                owner=owner,
                create_time=now,
            )
            await self._versions.insert_one(_version_to(project, version), session=session)
            return version

        return await in_transaction(self._database, create)

    async def get_dataset(self, project: str, dataset: str) -> Dataset:
        """See DatasetStore."""
        with mongo_errors_translated():
            document = await self._datasets.find_one({"project": project, "name": dataset})
        if document is None:
            raise _dataset_not_found(dataset)
        return _dataset_from(document)

    async def get_version(self, project: str, dataset: str, version: int) -> DatasetVersion:
        """See DatasetStore."""
        query: Document = {"project": project, "dataset": dataset}
        if version:
            query["version"] = version
        with mongo_errors_translated():
            document = await self._versions.find_one(query, sort=[("version", -1)])
        if document is None:
            raise _dataset_not_found(dataset, version)
        return _version_from(document)

    async def list_datasets(self, project: str, after: str | None, limit: int) -> Page[Dataset]:
        """See DatasetStore."""
        with mongo_errors_translated():
            cursor = self._datasets.find(names_after(project, after))
            documents = await cursor.sort("name", 1).limit(limit + 1).to_list()
        return to_page(documents, limit, _dataset_from, lambda document: document["name"])

    async def list_versions(
        self, project: str, dataset: str, after: int | None, limit: int
    ) -> Page[DatasetVersion]:
        """See DatasetStore."""
        query = versions_before({"project": project, "dataset": dataset}, after)
        with mongo_errors_translated():
            cursor = self._versions.find(query)
            documents = await cursor.sort("version", -1).limit(limit + 1).to_list()
        if not documents:
            await self.get_dataset(project, dataset)
        return to_page(documents, limit, _version_from, lambda document: str(document["version"]))


def _dataset_not_found(dataset: str, version: int = 0) -> DatasetNotFound:
    which = f"version {version} of dataset {dataset!r}" if version else f"dataset {dataset!r}"
    return DatasetNotFound(f"no {which} in this project")


def _description_update(description: str) -> dict[str, Any]:
    return {"$set": {"description": description}} if description else {}


def _dataset_from(document: Document) -> Dataset:
    return Dataset(
        name=document["name"],
        description=document["description"],
        latest_version=document["latest_version"],
        create_time=document["create_time"],
    )


def _version_to(project: str, version: DatasetVersion) -> Document:
    return {
        "project": project,
        "dataset": version.dataset,
        "version": version.version,
        "artifact_id": version.artifact_id,
        "size_bytes": version.size_bytes,
        "file_count": version.file_count,
        "owner": version.owner,
        "create_time": version.create_time,
    }


def _version_from(document: Document) -> DatasetVersion:
    return DatasetVersion(
        dataset=document["dataset"],
        version=document["version"],
        artifact_id=ArtifactId(document["artifact_id"]),
        size_bytes=document["size_bytes"],
        file_count=document["file_count"],
        owner=document["owner"],
        create_time=document["create_time"],
    )
