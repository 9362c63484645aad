"""What users define and name in their jobs, between protobuf and REST.

A kind's own shape is known only at run time, and so are the shapes made of it here.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from tensorfleet.gateway.convert.values import to_object, to_time
from tensorfleet.kinds.definitions import Definitions
from tensorfleet.orchestrator.v1 import definition_pb2

_MORE_FIELDS: list[tuple[str, Any]] = [
    ("builtin", Annotated[bool, Meta(description="Whether it is there in every project")]),
    ("owner", Annotated[str, Meta(description="Who created it; empty for a built-in one")]),
    (
        "create_time",
        Annotated[datetime | None, Meta(description="null for a built-in one")],
    ),
]


def shown_shape(definitions: Definitions) -> type[msgspec.Struct]:
    """The kind's shape for one, with where it comes from beside."""
    name = definitions.type.__name__
    return msgspec.defstruct(
        f"Shown{name}",
        _MORE_FIELDS,
        bases=(definitions.type,),
        module=__name__,
        namespace={"__doc__": f"One of the {definitions.collection} that jobs may name."},
        frozen=True,
        kw_only=True,
        omit_defaults=False,
        forbid_unknown_fields=False,
    )


def page_shape(definitions: Definitions, shown: type[msgspec.Struct]) -> type[msgspec.Struct]:
    """A page of a list of them, under the collection's name."""
    rows: Any = list
    return msgspec.defstruct(
        f"{definitions.type.__name__}Page",
        [(definitions.collection, rows[shown]), ("next_page_token", str)],
        module=__name__,
        namespace={"__doc__": f"Some {definitions.collection}: built-in ones, then the others."},
        frozen=True,
        kw_only=True,
    )


def builtin_for_client(value: msgspec.Struct, shown: type[msgspec.Struct]) -> Any:
    """A built-in one in its shown shape."""
    fields = msgspec.to_builtins(value)
    return _shown({**fields, "builtin": True, "owner": "", "create_time": None}, shown)


def definition_for_client(
    definition: definition_pb2.Definition, shown: type[msgspec.Struct]
) -> Any:
    """A project's own in its shown shape."""
    return _shown(
        {
            **to_object(definition.document_json),
            "builtin": False,
            "owner": definition.owner,
            "create_time": to_time(definition, "create_time"),
        },
        shown,
    )


def _shown(fields: Mapping[str, Any], shown: type[msgspec.Struct]) -> Any:
    try:
        return msgspec.convert(fields, shown)
    except msgspec.ValidationError:
        # An older version's: whoever wants to delete it must see it, even as it is.
        return fields
