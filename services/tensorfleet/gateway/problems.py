"""Errors as HTTP answers: the table from class to status, and RFC 9457 problems."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ExceptionHandlersMap

from tensorfleet.shared import errors
from tensorfleet.shared.caller import current_request_id
from tensorfleet.shared.rest.checking import reworded
from tensorfleet.shared.rest.problems import MEDIA_TYPE, Problem, ProblemField

# The closest class in an error's ancestry decides, as in shared/grpc_errors.py.
STATUS_BY_CLASS: dict[type[errors.TensorFleetError], HTTPStatus] = {
    errors.TensorFleetError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.InvalidInput: HTTPStatus.BAD_REQUEST,
    errors.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.Conflict: HTTPStatus.CONFLICT,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.PermissionDenied: HTTPStatus.FORBIDDEN,
    errors.RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    errors.Unimplemented: HTTPStatus.NOT_IMPLEMENTED,
    errors.Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.DeadlineExceeded: HTTPStatus.GATEWAY_TIMEOUT,
}

# Codes for what the HTTP layer itself refuses.
_CODE_BY_STATUS: dict[int, str] = {
    400: errors.InvalidInput.reason,
    401: errors.Unauthenticated.reason,
    403: errors.PermissionDenied.reason,
    404: errors.NotFound.reason,
    405: "METHOD_NOT_ALLOWED",
    413: errors.TooLarge.reason,
    429: errors.RateLimited.reason,
    503: errors.Unavailable.reason,
}

_HEADERS_BY_STATUS: dict[int, dict[str, str]] = {
    401: {"WWW-Authenticate": 'Bearer realm="tensorfleet"'},
    503: {"Retry-After": "1"},
}

log = structlog.get_logger(__name__)

AnyRequest = Request[Any, Any, Any]


def status_of(error: errors.TensorFleetError) -> HTTPStatus:
    """The HTTP status of an error."""
    for cls in type(error).__mro__:
        if cls in STATUS_BY_CLASS:
            return STATUS_BY_CLASS[cls]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def problem_of(
    status: int, code: str, detail: str, fields: Sequence[errors.FieldError] = ()
) -> Problem:
    """The body of an error answer to the present request."""
    return Problem(
        type=f"urn:tensorfleet:problem:{code.lower().replace('_', '-')}",
        title=code.replace("_", " ").capitalize(),
        status=status,
        detail=detail,
        code=code,
        request_id=current_request_id.get(),
        errors=[ProblemField(field=f.field, message=f.message) for f in fields],
    )


def problem_responses(*statuses: int) -> dict[int, ResponseSpec]:
    """For OpenAPI: the problems that a route answers with, beside 401 where it needs a token."""
    return {
        status: ResponseSpec(
            Problem,
            generate_examples=False,
            description=HTTPStatus(status).phrase,
            media_type=MEDIA_TYPE,
        )
        for status in statuses
    }


def _answer(problem: Problem, headers: dict[str, str] | None = None) -> Response[Problem]:
    return Response(
        problem,
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={**_HEADERS_BY_STATUS.get(problem.status, {}), **(headers or {})},
    )


def _on_our_error(_request: AnyRequest, exc: errors.TensorFleetError) -> Response[Problem]:
    status = status_of(exc)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        return _internal(exc)
    fields = exc.fields if isinstance(exc, errors.InvalidInput) else ()
    return _answer(problem_of(status, exc.reason, str(exc), fields))


def _on_http_error(request: AnyRequest, exc: HTTPException) -> Response[Problem]:
    """What Litestar refuses: unknown routes, methods, parameters, bodies that are too long."""
    status = exc.status_code
    if status >= 500 and status not in _CODE_BY_STATUS:
        return _internal(exc)
    fields: list[errors.FieldError] = []
    if status == 404:
        detail = f"there is nothing at {request.scope['path'][:200]}; see /docs for what there is"
    elif status == 405:
        detail = f"{request.method} is not possible at {request.scope['path'][:200]}; see /docs"
    elif status == 413:
        detail = (
            "the body is too long; send files to the signed URLs that POST /api/v1/uploads gives"
        )
    elif isinstance(exc, ValidationException):
        fields = _parameter_problems(request, exc)
        detail = "the request is wrong: " + "; ".join(f"{f.field}: {f.message}" for f in fields)
    else:
        detail = exc.detail or HTTPStatus(status).phrase
    code = _CODE_BY_STATUS.get(status, errors.InvalidInput.reason)
    return _answer(problem_of(status, code, detail, fields), exc.headers)


def _parameter_problems(request: AnyRequest, exc: ValidationException) -> list[errors.FieldError]:
    parameters = request.route_handler.parsed_fn_signature.parameters
    found: list[errors.FieldError] = []
    for entry in exc.extra if isinstance(exc.extra, list) else []:
        name, message = str(entry.get("key")), str(entry.get("message"))
        if name == "data":
            found.append(errors.FieldError(field="body", message="must be a JSON object"))
            continue
        parameter = parameters.get(name)
        if parameter is not None:
            # The name in the request; the function's own parameter may be called otherwise.
            name = getattr(parameter.kwarg_definition, "name", None) or name
            message = reworded(message, parameter.annotation)
        found.append(errors.FieldError(field=name, message=message))
    return found or [errors.FieldError(field="request", message=exc.detail)]


def _on_unknown_error(_request: AnyRequest, exc: Exception) -> Response[Problem]:
    return _internal(exc)


def _internal(exc: Exception) -> Response[Problem]:
    log.error("request failed unexpectedly", exc_info=exc)
    detail = f"internal error; the logs have request id {current_request_id.get()}"
    return _answer(problem_of(500, errors.TensorFleetError.reason, detail))


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    errors.TensorFleetError: _on_our_error,
    HTTPException: _on_http_error,
    Exception: _on_unknown_error,
}
