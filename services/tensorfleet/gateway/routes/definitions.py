"""What users define once and name in their jobs: routes for every installed kind that has such."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, HeaderParameter, QueryParameter, SkipValidation

from tensorfleet.gateway.bodies import body_of
from tensorfleet.gateway.convert.definitions import (
    builtin_for_client,
    definition_for_client,
    page_shape,
    shown_shape,
)
from tensorfleet.gateway.problems import problem_responses
from tensorfleet.gateway.routes.jobs import MAX_IDEMPOTENCY_KEY_LENGTH
from tensorfleet.gateway.routes.paging import PageSize, PageToken
from tensorfleet.gateway.upstreams import Upstreams
from tensorfleet.kinds.definitions import Definitions
from tensorfleet.kinds.registry import Kind, find_kind, kind_names
from tensorfleet.orchestrator.v1 import definition_service_pb2 as pb
from tensorfleet.shared.errors import InvalidPageToken
from tensorfleet.shared.paging import clamp_page_size, decode_token, encode_token

IdempotencyKey = Annotated[
    str | None,
    HeaderParameter(
        name="Idempotency-Key",
        required=False,
        max_length=MAX_IDEMPOTENCY_KEY_LENGTH,
        description="Chosen by the caller. The same key with the same body has the first answer "
        "again, instead of NAME_TAKEN.",
    ),
]
BuiltinFilter = Annotated[
    bool | None,
    QueryParameter(
        name="builtin", description="true: only built-in ones; false: only the project's"
    ),
]

_BUILTIN, _OWN = "builtin", "own"


def definition_routes() -> list[BaseRouteHandler]:
    """List, create, get and delete, for every installed kind with definitions."""
    routes: list[BaseRouteHandler] = []
    for name in kind_names():
        kind = find_kind(name)
        if kind.definitions is not None:
            routes += _Collection(kind, kind.definitions).routes()
    return routes


def definition_tags() -> dict[str, str]:
    """For OpenAPI: every collection, and what it is."""
    kinds = [find_kind(name) for name in kind_names()]
    return {
        kind.definitions.collection: f"What {kind.name} jobs may name"
        for kind in kinds
        if kind.definitions is not None
    }


class _Collection:
    """One kind's collection."""

    def __init__(self, kind: Kind, definitions: Definitions) -> None:
        self._kind = kind.name
        self._definitions = definitions
        self._builtin = dict(sorted(definitions.builtin.items()))
        self._shown = shown_shape(definitions)
        self._page = page_shape(definitions, self._shown)
        self._path = f"/api/v1/{definitions.collection}"

    def routes(self) -> list[BaseRouteHandler]:
        """The four routes."""
        collection, singular = self._definitions.collection, self._definitions.singular
        options: dict[str, Any] = {"tags": [collection]}
        body, dto = body_of(self._definitions.type)
        response: Any = Response
        return [
            get(
                self._path,
                summary=f"List {collection}",
                responses=problem_responses(400, 401, 503),
                **options,
            )(
                _described(
                    self._lister(),
                    f"list_{collection}",
                    f"Built-in {collection} by name, then those of the caller's project by name; "
                    "50 a page, at most 500.",
                    returns=self._page,
                )
            ),
            post(
                self._path,
                summary=f"Define a new {singular}",
                dto=dto,
                return_dto=None,
                responses=problem_responses(400, 401, 409, 413, 503),
                **options,
            )(
                _described(
                    self._creator(),
                    f"create_{singular}",
                    f"Keeps it for the caller's project: from now on, {self._kind} jobs may name "
                    "it. NAME_TAKEN when the project or the kind itself has one of this name. It "
                    "never changes: to change one, delete it and create it again.",
                    returns=response[self._shown],
                    data=body,
                )
            ),
            get(
                f"{self._path}/{{name:str}}",
                summary=f"Get one {singular}",
                responses=problem_responses(400, 401, 404, 503),
                **options,
            )(
                _described(
                    self._getter(),
                    f"get_{singular}",
                    f"One {singular}, built in or the project's.",
                    returns=self._shown,
                )
            ),
            delete(
                f"{self._path}/{{name:str}}",
                summary=f"Delete one {singular}",
                responses=problem_responses(400, 401, 404, 409, 503),
                **options,
            )(
                _described(
                    self._deleter(),
                    f"delete_{singular}",
                    "Frees its name. Jobs that exist already keep what they were given. A built-in "
                    "one is a CONFLICT.",
                )
            ),
        ]

    def _lister(self) -> Callable[..., Any]:
        async def list_all(
            upstreams: NamedDependency[SkipValidation[Upstreams]],
            page_size: PageSize = 0,
            page_token: PageToken = "",
            builtin: BuiltinFilter = None,
        ) -> Any:
            list_name = f"{self._definitions.collection} {builtin}"
            first = f"{_OWN} " if builtin is False else f"{_BUILTIN} "
            rows, following = await self._page_from(
                decode_token(list_name, page_token) or first,
                clamp_page_size(page_size),
                upstreams,
                with_own=builtin is None,
            )
            return {
                self._definitions.collection: rows,
                "next_page_token": encode_token(list_name, following) if following else "",
            }

        return list_all

    async def _page_from(
        self, start: str, size: int, upstreams: Upstreams, *, with_own: bool
    ) -> tuple[list[Any], str]:
        """A page's rows, and where the next one begins; empty: there is none.

        Args:
            start: "builtin NAME", to begin behind a built-in one's name, or "own TOKEN", to begin
                where the orchestrator's page token says.
            with_own: Whether the project's own follow the built-in ones.
        """
        rows: list[Any] = []
        section, _, place = start.partition(" ")
        if section == _BUILTIN:
            names = [name for name in self._builtin if name > place]
            rows = [builtin_for_client(self._builtin[n], self._shown) for n in names[:size]]
            if len(names) > size:
                return rows, f"{_BUILTIN} {names[size - 1]}"
            if not with_own:
                return rows, ""
            if len(names) == size:
                return rows, f"{_OWN} "
            place = ""
        elif section != _OWN:
            raise InvalidPageToken("page_token is damaged; start at page one")
        answer = await upstreams.definitions.ListDefinitions(
            pb.ListDefinitionsRequest(kind=self._kind, page_size=size - len(rows), page_token=place)
        )
        rows += [definition_for_client(own, self._shown) for own in answer.definitions]
        token = answer.next_page_token
        return rows, f"{_OWN} {token}" if token else ""

    def _creator(self) -> Callable[..., Any]:
        async def create(
            data: Any,
            upstreams: NamedDependency[SkipValidation[Upstreams]],
            idempotency_key: IdempotencyKey = None,
        ) -> Any:
            answer = await upstreams.definitions.CreateDefinition(
                pb.CreateDefinitionRequest(
                    kind=self._kind,
                    name=data.name,
                    document_json=msgspec.json.encode(data).decode(),
                    request_id=idempotency_key or "",
                )
            )
            return Response(
                definition_for_client(answer.definition, self._shown),
                status_code=201,
                headers={"Location": f"{self._path}/{answer.definition.name}"},
            )

        return create

    def _getter(self) -> Callable[..., Any]:
        async def get_one(
            name: FromPath[str], upstreams: NamedDependency[SkipValidation[Upstreams]]
        ) -> Any:
            if name in self._builtin:
                return builtin_for_client(self._builtin[name], self._shown)
            answer = await upstreams.definitions.GetDefinition(
                pb.GetDefinitionRequest(kind=self._kind, name=name)
            )
            return definition_for_client(answer.definition, self._shown)

        return get_one

    def _deleter(self) -> Callable[..., Any]:
        async def delete_one(
            name: FromPath[str], upstreams: NamedDependency[SkipValidation[Upstreams]]
        ) -> None:
            await upstreams.definitions.DeleteDefinition(
                pb.DeleteDefinitionRequest(kind=self._kind, name=name)
            )

        return delete_one


def _described(
    handler: Callable[..., Any],
    name: str,
    text: str,
    *,
    returns: Any = None,
    data: Any = None,
) -> Callable[..., Any]:
    """A handler with the name, the text and the types that only its kind knows."""
    handler.__name__ = name.replace("-", "_")
    handler.__doc__ = text
    handler.__annotations__["return"] = returns
    if data is not None:
        handler.__annotations__["data"] = data
    return handler
