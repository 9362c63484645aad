"""The error tree, and its way across gRPC."""

import grpc
import pytest
from grpc.aio import AioRpcError, Metadata

from tensorfleet.shared import errors, grpc_errors

CLASSES = sorted(errors.every_error_class().values(), key=lambda cls: cls.__name__)


def test_reasons_are_unique() -> None:
    seen: list[type[errors.TensorFleetError]] = [errors.TensorFleetError]
    for cls in seen:
        seen.extend(cls.__subclasses__())
    assert len({cls.reason for cls in seen}) == len(seen)


def test_every_branch_of_the_tree_has_a_status() -> None:
    for cls in errors.TensorFleetError.__subclasses__():
        assert cls in grpc_errors.STATUS_BY_CLASS, cls


def test_table_of_statuses_knows_every_failure_of_grpc() -> None:
    ours = {errors.TensorFleetError, grpc.StatusCode.OK}
    internal = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS}
    assert set(grpc.StatusCode) - ours - internal == set(grpc_errors.CLASS_BY_STATUS)


@pytest.mark.parametrize("cls", CLASSES)
def test_error_arrives_as_what_it_was(cls: type[errors.TensorFleetError]) -> None:
    field = errors.FieldError(field="spec.x", message="is wrong")
    sent = cls("do this", (field,)) if issubclass(cls, errors.InvalidInput) else cls("do this")
    details = (grpc_errors.STATUS_DETAILS_KEY, grpc_errors.encode_details(sent))
    received = grpc_errors.decode_rpc_error(
        AioRpcError(grpc_errors.status_of(sent), Metadata(), Metadata(details), "do this")
    )
    assert type(received) is cls
    assert str(received) == "do this"
    if isinstance(received, errors.InvalidInput):
        assert received.fields == (field,)


def test_bare_status_becomes_the_closest_class() -> None:
    bare = AioRpcError(grpc.StatusCode.UNAVAILABLE, Metadata(), Metadata(), "gone")
    assert isinstance(grpc_errors.decode_rpc_error(bare), errors.Unavailable)


def test_reason_of_a_newer_version_becomes_the_root() -> None:
    error = errors.error_from_reason("SOMETHING_NEW", "hm")
    assert type(error) is errors.TensorFleetError
