"""`DefinitionStore` in MongoDB: the collection `definitions`."""

from collections.abc import Collection

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from tensorfleet.orchestrator.definition import Definition
from tensorfleet.orchestrator.store.definition_store import missing_message, taken_message
from tensorfleet.shared.errors import DefinitionNotFound, NameTaken
from tensorfleet.shared.mongo import Database, Document, mongo_errors_translated


class MongoDefinitionStore:
    """`DefinitionStore` in MongoDB."""

    def __init__(self, database: Database) -> None:
        self._definitions = database["definitions"]

    async def ensure_indexes(self) -> None:
        """Creates the index that every query uses. Idempotent."""
        key = [("project", ASCENDING), ("kind", ASCENDING), ("name", ASCENDING)]
        with mongo_errors_translated():
            await self._definitions.create_indexes([IndexModel(key, unique=True)])

    async def create(self, definition: Definition) -> Definition:
        """See DefinitionStore."""
        try:
            with mongo_errors_translated():
                await self._definitions.insert_one(_to_document(definition))
        except DuplicateKeyError as exc:
            first = await self._find_one(definition.project, definition.kind, definition.name)
            if first is None or not _is_same_request(first, definition):
                raise NameTaken(taken_message(definition)) from exc
            return first
        return definition

    async def get(self, project: str, kind: str, name: str) -> Definition:
        """See DefinitionStore."""
        found = await self._find_one(project, kind, name)
        if found is None:
            raise DefinitionNotFound(missing_message(kind, name))
        return found

    async def find(self, project: str, kind: str, names: Collection[str]) -> dict[str, Definition]:
        """See DefinitionStore."""
        query = {"project": project, "kind": kind, "name": {"$in": list(names)}}
        with mongo_errors_translated():
            found = [_from_document(row) async for row in self._definitions.find(query)]
        return {definition.name: definition for definition in found}

    async def list_after(
        self, project: str, kind: str, *, after_name: str | None, limit: int
    ) -> list[Definition]:
        """See DefinitionStore."""
        query: Document = {"project": project, "kind": kind}
        if after_name is not None:
            query["name"] = {"$gt": after_name}
        with mongo_errors_translated():
            cursor = self._definitions.find(query).sort("name", ASCENDING).limit(limit)
            return [_from_document(row) async for row in cursor]

    async def delete(self, project: str, kind: str, name: str) -> None:
        """See DefinitionStore."""
        key = {"project": project, "kind": kind, "name": name}
        with mongo_errors_translated():
            result = await self._definitions.delete_one(key)
        if not result.deleted_count:
            raise DefinitionNotFound(missing_message(kind, name))

    async def _find_one(self, project: str, kind: str, name: str) -> Definition | None:
        key = {"project": project, "kind": kind, "name": name}
        with mongo_errors_translated():
            row = await self._definitions.find_one(key)
        return None if row is None else _from_document(row)


def _is_same_request(first: Definition, again: Definition) -> bool:
    return bool(again.request_id) and (first.request_id, first.owner, first.document_json) == (
        again.request_id,
        again.owner,
        again.document_json,
    )


def _to_document(definition: Definition) -> Document:
    # The kind's own part stays text: its field names are its own affair.
    return {
        "project": definition.project,
        "kind": definition.kind,
        "name": definition.name,
        "document_json": definition.document_json,
        "owner": definition.owner,
        "create_time": definition.create_time,
        "request_id": definition.request_id,
    }


def _from_document(row: Document) -> Definition:
    return Definition(
        project=row["project"],
        kind=row["kind"],
        name=row["name"],
        document_json=row["document_json"],
        owner=row["owner"],
        create_time=row["create_time"],
        request_id=row["request_id"],
    )
