"""Where definitions live: what the rest of the orchestrator may expect of their store."""

from collections.abc import Collection
from typing import Protocol

from tensorfleet.orchestrator.definition import Definition


class DefinitionStore(Protocol):
    """Where definitions live. Every method raises `Unavailable` when the store does not answer."""

    async def create(self, definition: Definition) -> Definition:
        """Stores a definition; it is durable on return, and every replica sees it.

        Returns the stored one. That is the first one, when it had the same `request_id`, owner and
        document.

        Raises:
            NameTaken: The project has another one of this kind and name.
        """
        ...

    async def get(self, project: str, kind: str, name: str) -> Definition:
        """One definition.

        Raises:
            DefinitionNotFound: There is none.
        """
        ...

    async def find(self, project: str, kind: str, names: Collection[str]) -> dict[str, Definition]:
        """Those of the names that exist, as they are now."""
        ...

    async def list_after(
        self, project: str, kind: str, *, after_name: str | None, limit: int
    ) -> list[Definition]:
        """Definitions of a project by name, from behind `after_name` on."""
        ...

    async def delete(self, project: str, kind: str, name: str) -> None:
        """Removes one; its name is free again on return.

        Raises:
            DefinitionNotFound: There is none.
        """
        ...


def taken_message(definition: Definition) -> str:
    """For whoever wants a name that is not free."""
    return (
        f"this project has a definition {definition.name!r} for {definition.kind} jobs already; "
        "choose another name, or delete that one"
    )


def missing_message(kind: str, name: str) -> str:
    """For whoever asks for what is not there."""
    return f"this project has no definition {name[:128]!r} for {kind} jobs"
