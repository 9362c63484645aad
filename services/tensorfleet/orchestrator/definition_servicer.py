"""The door for what users define once and name in their jobs: DefinitionService."""

from typing import Any

import structlog

from tensorfleet.orchestrator.convert.definitions import definition_to_message
from tensorfleet.orchestrator.definition import Definition, checked_document, definitions_of
from tensorfleet.orchestrator.store.definition_store import DefinitionStore
from tensorfleet.orchestrator.v1 import definition_service_pb2 as pb
from tensorfleet.orchestrator.v1 import definition_service_pb2_grpc
from tensorfleet.shared import paging
from tensorfleet.shared.caller import current_caller
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.errors import Conflict, InvalidInput

MAX_REQUEST_ID_LENGTH = 128

log = structlog.get_logger(__name__)


class DefinitionServicer(definition_service_pb2_grpc.DefinitionServiceServicer):
    """Definitions of the caller's project."""

    def __init__(self, store: DefinitionStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def CreateDefinition(
        self, request: pb.CreateDefinitionRequest, context: Any
    ) -> pb.CreateDefinitionResponse:
        """See the contract."""
        if len(request.request_id) > MAX_REQUEST_ID_LENGTH:
            raise InvalidInput(f"request_id is longer than {MAX_REQUEST_ID_LENGTH} characters")
        definitions = definitions_of(request.kind)
        caller = current_caller.get()
        asked = Definition(
            project=caller.project,
            kind=request.kind,
            name=request.name,
            document_json=checked_document(definitions, request.name, request.document_json),
            owner=caller.user,
            create_time=self._clock(),
            request_id=request.request_id,
        )
        stored = await self._store.create(asked)
        if stored is asked:
            log.info("definition created", kind=request.kind, name=request.name)
        return pb.CreateDefinitionResponse(definition=definition_to_message(stored))

    async def GetDefinition(
        self, request: pb.GetDefinitionRequest, context: Any
    ) -> pb.GetDefinitionResponse:
        """See the contract."""
        definitions_of(request.kind)
        found = await self._store.get(current_caller.get().project, request.kind, request.name)
        return pb.GetDefinitionResponse(definition=definition_to_message(found))

    async def ListDefinitions(
        self, request: pb.ListDefinitionsRequest, context: Any
    ) -> pb.ListDefinitionsResponse:
        """See the contract."""
        definitions_of(request.kind)
        size = paging.clamp_page_size(request.page_size)
        list_name = f"definitions of {request.kind}"
        found = await self._store.list_after(
            current_caller.get().project,
            request.kind,
            after_name=paging.decode_token(list_name, request.page_token),
            limit=size + 1,
        )
        more = len(found) > size
        return pb.ListDefinitionsResponse(
            definitions=[definition_to_message(definition) for definition in found[:size]],
            next_page_token=paging.encode_token(list_name, found[size - 1].name) if more else "",
        )

    async def DeleteDefinition(
        self, request: pb.DeleteDefinitionRequest, context: Any
    ) -> pb.DeleteDefinitionResponse:
        """See the contract."""
        definitions = definitions_of(request.kind)
        if request.name in definitions.builtin:
            raise Conflict(
                f"{definitions.singular} {request.name!r} is built in and cannot be deleted"
            )
        await self._store.delete(current_caller.get().project, request.kind, request.name)
        log.info("definition deleted", kind=request.kind, name=request.name)
        return pb.DeleteDefinitionResponse()
