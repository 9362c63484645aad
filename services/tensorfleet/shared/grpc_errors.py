"""Errors across gRPC: the table from class to status, and the way there and back."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from tensorfleet.shared import errors

DOMAIN = "tensorfleet"
STATUS_DETAILS_KEY = "grpc-status-details-bin"

# The closest class in an error's ancestry decides, so that only exceptions to the rule of a branch
# need a line of their own.
STATUS_BY_CLASS: dict[type[errors.TensorFleetError], grpc.StatusCode] = {
    errors.TensorFleetError: grpc.StatusCode.INTERNAL,
    errors.InvalidInput: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.Conflict: grpc.StatusCode.FAILED_PRECONDITION,
    errors.IdempotencyConflict: grpc.StatusCode.ALREADY_EXISTS,
    errors.NameTaken: grpc.StatusCode.ALREADY_EXISTS,
    errors.LeaseLost: grpc.StatusCode.ABORTED,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
    errors.RateLimited: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Unimplemented: grpc.StatusCode.UNIMPLEMENTED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    errors.DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
}

# For answers without our own details: from gRPC itself, a proxy, a server of another make.
CLASS_BY_STATUS: dict[grpc.StatusCode, type[errors.TensorFleetError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: errors.InvalidInput,
    grpc.StatusCode.OUT_OF_RANGE: errors.InvalidInput,
    grpc.StatusCode.NOT_FOUND: errors.NotFound,
    grpc.StatusCode.ALREADY_EXISTS: errors.Conflict,
    grpc.StatusCode.FAILED_PRECONDITION: errors.Conflict,
    grpc.StatusCode.ABORTED: errors.Conflict,
    grpc.StatusCode.UNAUTHENTICATED: errors.Unauthenticated,
    grpc.StatusCode.PERMISSION_DENIED: errors.PermissionDenied,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.RateLimited,
    grpc.StatusCode.UNIMPLEMENTED: errors.Unimplemented,
    grpc.StatusCode.UNAVAILABLE: errors.Unavailable,
    grpc.StatusCode.CANCELLED: errors.Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.DeadlineExceeded,
}


def status_of(error: errors.TensorFleetError) -> grpc.StatusCode:
    """The gRPC status of an error."""
    for cls in type(error).__mro__:
        if cls in STATUS_BY_CLASS:
            return STATUS_BY_CLASS[cls]
    return grpc.StatusCode.INTERNAL


def encode_details(error: errors.TensorFleetError) -> bytes:
    """A serialized `google.rpc.Status` with `ErrorInfo` and, for wrong fields, `BadRequest`."""
    details = [any_pb2.Any()]
    details[0].Pack(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN))
    if isinstance(error, errors.InvalidInput) and error.fields:
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=f.field, description=f.message)
            for f in error.fields
        ]
        details.append(any_pb2.Any())
        details[1].Pack(error_details_pb2.BadRequest(field_violations=violations))
    code = code_pb2.Code.Value(status_of(error).name)
    status = status_pb2.Status(code=code, message=str(error), details=details)
    serialized: bytes = status.SerializeToString()
    return serialized


def decode_rpc_error(rpc_error: grpc.aio.AioRpcError) -> errors.TensorFleetError:
    """The error that the other side raised, or the closest one for a bare status."""
    for key, value in rpc_error.trailing_metadata() or ():
        if key == STATUS_DETAILS_KEY and isinstance(value, bytes):
            return _decode_status(status_pb2.Status.FromString(value))
    cls = CLASS_BY_STATUS.get(rpc_error.code(), errors.TensorFleetError)
    return cls(rpc_error.details() or rpc_error.code().name)


def _decode_status(status: status_pb2.Status) -> errors.TensorFleetError:
    reason = errors.TensorFleetError.reason
    fields: tuple[errors.FieldError, ...] = ()
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            reason = info.reason
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad_request = error_details_pb2.BadRequest()
            detail.Unpack(bad_request)
            fields = tuple(
                errors.FieldError(field=v.field, message=v.description)
                for v in bad_request.field_violations
            )
    return errors.error_from_reason(reason, status.message, fields)


@contextmanager
def rpc_errors_translated() -> Iterator[None]:
    """Turns gRPC's errors inside the block into TensorFleet's. For streams; see grpc_client.

    Raises:
        TensorFleetError: what the other side raised, `Unavailable` or `DeadlineExceeded`.
    """
    try:
        yield
    except grpc.aio.AioRpcError as rpc_error:
        task = asyncio.current_task()
        if rpc_error.code() == grpc.StatusCode.CANCELLED and task and task.cancelling():
            # gRPC reports our own cancellation as an error of the call.
            raise asyncio.CancelledError from rpc_error
        raise decode_rpc_error(rpc_error) from rpc_error
