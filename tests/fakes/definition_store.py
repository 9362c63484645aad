"""`DefinitionStore` in memory."""

from collections.abc import Collection

from tensorfleet.orchestrator.definition import Definition
from tensorfleet.orchestrator.store.definition_store import missing_message, taken_message
from tensorfleet.shared.errors import DefinitionNotFound, NameTaken


class FakeDefinitionStore:
    """`DefinitionStore` in memory. Nothing waits in here, so that every step is atomic."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], Definition] = {}

    async def create(self, definition: Definition) -> Definition:
        """See DefinitionStore."""
        key = (definition.project, definition.kind, definition.name)
        first = self._kept.setdefault(key, definition)
        if first is definition:
            return definition
        if not definition.request_id or (
            first.request_id,
            first.owner,
            first.document_json,
        ) != (definition.request_id, definition.owner, definition.document_json):
            raise NameTaken(taken_message(definition))
        return first

    async def get(self, project: str, kind: str, name: str) -> Definition:
        """See DefinitionStore."""
        if (project, kind, name) not in self._kept:
            raise DefinitionNotFound(missing_message(kind, name))
        return self._kept[project, kind, name]

    async def find(self, project: str, kind: str, names: Collection[str]) -> dict[str, Definition]:
        """See DefinitionStore."""
        keys = {name: (project, kind, name) for name in names}
        return {name: self._kept[key] for name, key in keys.items() if key in self._kept}

    async def list_after(
        self, project: str, kind: str, *, after_name: str | None, limit: int
    ) -> list[Definition]:
        """See DefinitionStore."""
        found = [
            definition
            for (of_project, of_kind, name), definition in sorted(self._kept.items())
            if (of_project, of_kind) == (project, kind)
            and (after_name is None or name > after_name)
        ]
        return found[:limit]

    async def delete(self, project: str, kind: str, name: str) -> None:
        """See DefinitionStore."""
        if self._kept.pop((project, kind, name), None) is None:
            raise DefinitionNotFound(missing_message(kind, name))
