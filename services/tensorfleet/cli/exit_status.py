"""What the command line's exit status means, and which error gives which."""

from tensorfleet.shared.errors import (
    DeadlineExceeded,
    InvalidInput,
    TensorFleetError,
    Unauthenticated,
    Unavailable,
)

OK = 0
FAILED = 1
WRONG_INPUT = 2
UNREACHABLE = 3
INTERRUPTED = 130  # what shells say of a program that Ctrl-C ended

EPILOG = (
    "Exit status: 0 fine; 1 the job or the operation failed, or something is unhealthy; 2 wrong "
    "usage or input; 3 no fleet can be reached or logged into. TENSORFLEET_DEBUG=1 shows "
    "tracebacks."
)


class FleetNotFound(Unavailable):
    """No fleet runs on this machine, and none is named in the environment."""

    reason = "FLEET_NOT_FOUND"


def exit_status(error: TensorFleetError) -> int:
    """The status of a command that ended with this error."""
    if isinstance(error, InvalidInput):
        return WRONG_INPUT
    if isinstance(error, Unavailable | DeadlineExceeded | Unauthenticated):
        return UNREACHABLE
    return FAILED
