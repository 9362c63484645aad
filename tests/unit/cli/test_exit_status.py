"""Errors and exit statuses."""

from tensorfleet.cli.exit_status import EPILOG, FleetNotFound, exit_status
from tensorfleet.shared import errors


def test_errors_give_the_documented_status() -> None:
    assert exit_status(errors.InvalidJob("x")) == 2
    assert exit_status(errors.JobNotFound("x")) == 1
    assert exit_status(errors.LeaseLost("x")) == 1
    assert exit_status(errors.Unavailable("x")) == 3
    assert exit_status(errors.Unauthenticated("x")) == 3
    assert exit_status(FleetNotFound("x")) == 3
    for status in "0123":
        assert f"{status} " in EPILOG
