"""A definition: what users define once in a project and name in their jobs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from tensorfleet.kinds.definitions import Definitions
from tensorfleet.kinds.registry import find_kind
from tensorfleet.shared.errors import FieldError, InvalidInput, InvalidJob, NameTaken, TooLarge
from tensorfleet.shared.names import check_name
from tensorfleet.shared.rest.checking import check_document

# A job may name many, and what it names goes into its tasks.
MAX_DOCUMENT_BYTES = 32 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One definition of a project. It never changes."""

    project: str
    kind: str
    name: str
    """Unique for the kind in the project."""
    document_json: str
    """In the shape that its kind has for it."""
    owner: str
    create_time: datetime
    request_id: str = ""
    """Of the request that created it; empty: it had none."""


def definitions_of(kind: str) -> Definitions:
    """What jobs of a kind may name.

    Raises:
        UnknownKind: No kind has this name.
        InvalidInput: Jobs of this kind name nothing.
    """
    definitions = find_kind(kind).definitions
    if definitions is None:
        message = f"{kind} jobs name nothing that could be defined"
        raise InvalidInput(message, (FieldError(field="kind", message=message),))
    return definitions


def checked_document(definitions: Definitions, name: str, document_json: str) -> str:
    """The document of a new definition, as it is kept.

    Raises:
        InvalidName: The name is not allowed.
        TooLarge: The document is too long.
        InvalidInput: It does not fit the kind's shape or rules; `fields` says where.
        NameTaken: The kind itself has one of this name.
    """
    check_name(name, "name")
    size_bytes = len(document_json.encode())
    if size_bytes > MAX_DOCUMENT_BYTES:
        raise TooLarge(
            f"the {definitions.singular} has {size_bytes} bytes of JSON; "
            f"it may have {MAX_DOCUMENT_BYTES}"
        )
    found: Any = check_document(
        _decoded_json(definitions, document_json), definitions.type, what=definitions.singular
    )
    if found.name != name:
        message = f"is {found.name[:80]!r} in the document, but {name!r} was asked for"
        raise InvalidInput(f"the name {message}", (FieldError(field="name", message=message),))
    if name in definitions.builtin:
        raise NameTaken(
            f"{name!r} is the name of a built-in {definitions.singular}; choose another one"
        )
    definitions.check(found)
    return msgspec.json.encode(found).decode()


def _decoded_json(definitions: Definitions, document_json: str) -> Any:
    try:
        return msgspec.json.decode(document_json)
    except msgspec.DecodeError as exc:
        raise InvalidInput(f"the {definitions.singular} is not JSON: {exc}") from exc
    except RecursionError as exc:
        raise InvalidInput(f"the {definitions.singular} is nested too deep") from exc


def as_its_kind_has_it(definition: Definition) -> Any:
    """A kept definition in the shape that its kind has for it.

    Raises:
        InvalidJob: It was kept by a version whose shape was another one.
    """
    definitions = definitions_of(definition.kind)
    try:
        return msgspec.json.decode(definition.document_json, type=definitions.type)
    except msgspec.ValidationError as exc:
        raise InvalidJob(
            f"{definitions.singular} {definition.name!r} does not fit this version any more "
            f"({exc}); delete it and create it again"
        ) from exc
