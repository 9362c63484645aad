"""Definitions."""

from tensorfleet.orchestrator.convert.times import to_timestamp
from tensorfleet.orchestrator.definition import Definition
from tensorfleet.orchestrator.v1 import definition_pb2


def definition_to_message(definition: Definition) -> definition_pb2.Definition:
    """A definition for a client."""
    return definition_pb2.Definition(
        kind=definition.kind,
        name=definition.name,
        document_json=definition.document_json,
        owner=definition.owner,
        create_time=to_timestamp(definition.create_time),
    )
