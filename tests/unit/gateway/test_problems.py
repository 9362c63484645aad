"""The table from errors to HTTP statuses."""

import pytest

from tensorfleet.gateway.problems import STATUS_BY_CLASS, problem_of, status_of
from tensorfleet.shared import errors
from tensorfleet.shared.grpc_errors import STATUS_BY_CLASS as GRPC_STATUS_BY_CLASS

CLASSES = [cls for cls in errors.every_error_class().values() if cls.__module__ == errors.__name__]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_error_has_a_status_of_its_branch(cls: type[errors.TensorFleetError]) -> None:
    status = status_of(cls("x"))
    if cls is errors.TensorFleetError:
        assert status == 500
    else:
        assert 400 <= status < 600
        assert status != 500, "a branch of the tree is missing in the table"


def test_every_branch_with_a_grpc_status_has_an_http_status() -> None:
    branches = set(errors.TensorFleetError.__subclasses__()) & set(CLASSES)
    assert branches <= set(STATUS_BY_CLASS)
    assert branches <= set(GRPC_STATUS_BY_CLASS)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.JobNotFound("x"), 404),
        (errors.InvalidJob("x"), 400),
        (errors.TooLarge("x"), 413),
        (errors.IdempotencyConflict("x"), 409),
        (errors.LeaseLost("x"), 409),
        (errors.UploadIncomplete("x"), 409),
        (errors.Unauthenticated("x"), 401),
        (errors.RateLimited("x"), 429),
        (errors.Unimplemented("x"), 501),
        (errors.Unavailable("x"), 503),
        (errors.DeadlineExceeded("x"), 504),
    ],
)
def test_statuses(error: errors.TensorFleetError, status: int) -> None:
    assert status_of(error) == status


def test_new_kind_of_not_found_needs_no_line() -> None:
    class TrialNotFound(errors.NotFound):
        reason = "NOT_FOUND"  # not a reason of its own: the tree is shared by all tests

    assert status_of(TrialNotFound("x")) == 404


def test_problem_has_what_the_rfc_wants() -> None:
    fields = [errors.FieldError(field="a.b", message="m")]
    problem = problem_of(404, "JOB_NOT_FOUND", "no such job", fields)
    assert problem.type == "urn:tensorfleet:problem:job-not-found"
    assert problem.title == "Job not found"
    assert (problem.status, problem.detail, problem.code) == (404, "no such job", "JOB_NOT_FOUND")
    assert [(e.field, e.message) for e in problem.errors] == [("a.b", "m")]
