"""Bodies of requests: JSON, checked strictly against its shape, every wrong field named."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

import msgspec
from litestar.dto import AbstractDTO, DTOConfig
from litestar.dto.data_structures import DTOFieldDefinition
from litestar.openapi.spec import Reference, Schema
from litestar.params import JSONBody
from litestar.typing import FieldDefinition

from tensorfleet.shared.errors import InvalidInput
from tensorfleet.shared.rest.checking import check_document
from tensorfleet.shared.rest.job_changes import UpdateJob, check_update
from tensorfleet.shared.rest.job_files import check_job
from tensorfleet.shared.rest.jobs import CreateJob

Shape = TypeVar("Shape", bound=msgspec.Struct)

# Bodies with rules beyond their shape.
_CHECKS: dict[type[msgspec.Struct], Callable[[Any], msgspec.Struct]] = {
    CreateJob: check_job,
    UpdateJob: check_update,
}


def decode_json(body: bytes) -> Any:
    """The JSON document in a body.

    Raises:
        InvalidInput: It is not JSON.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InvalidInput(f"the body is not JSON: {exc}") from exc
    except RecursionError as exc:
        raise InvalidInput("the body is not acceptable JSON: it is nested too deep") from exc


def decode_body(body: bytes, shape: type[Shape]) -> Shape:
    """A body as an instance of its shape.

    Raises:
        InvalidInput: It is not JSON, or does not fit; `fields` says where.
    """
    document = decode_json(body)
    if check := _CHECKS.get(shape):
        return cast(Shape, check(document))
    return check_document(document, shape)


class CheckedBody(AbstractDTO[Shape]):
    """Gives a route's `data` by `decode_body`: `dto=CheckedBody[Shape]`.

    Litestar's own way is lenient (text passes for numbers) and stops at the first wrong field.
    """

    config = DTOConfig()

    def decode_bytes(self, value: bytes) -> Any:
        """See AbstractDTO."""
        return decode_body(value, self.model_type)

    @classmethod
    def create_for_field_definition(
        cls, field_definition: FieldDefinition, handler_id: str, backend_cls: Any = None
    ) -> None:
        """See AbstractDTO. Nothing is generated: the shape itself is enough."""

    @classmethod
    def create_openapi_schema(
        cls, field_definition: FieldDefinition, handler_id: str, schema_creator: Any
    ) -> Reference | Schema:
        """See AbstractDTO. The schema of the shape itself."""
        return cast("Reference | Schema", schema_creator.for_field_definition(field_definition))

    @classmethod
    def generate_field_definitions(cls, model_type: type[Any]) -> Iterator[DTOFieldDefinition]:  # type: ignore[override]
        """See AbstractDTO. Not needed, as nothing is generated."""
        yield from ()

    @classmethod
    def detect_nested_field(cls, field_definition: FieldDefinition) -> bool:
        """See AbstractDTO. Not needed, as nothing is generated."""
        return False


def body_of(shape: type[msgspec.Struct]) -> tuple[Any, Any]:
    """For a route whose body's shape is known only at run time: the type of `data`, and the dto."""
    body: Any = JSONBody
    dto: Any = CheckedBody
    return body[shape], dto[shape]
