"""What every error answer is: a problem as of RFC 9457, `application/problem+json`."""

import msgspec

MEDIA_TYPE = "application/problem+json"


class ProblemField(msgspec.Struct, frozen=True, kw_only=True):
    """One wrong field of the request."""

    field: str
    """Its dotted path."""
    message: str
    """What is wrong with it."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was not done."""

    type: str
    """Names the sort of problem: urn:tensorfleet:problem:<code in lower case>."""
    title: str
    """The sort of problem, for a person."""
    status: int
    """The HTTP status."""
    detail: str
    """What happened and what to do about it."""
    code: str
    """Stable, upper snake case; the same as the reason in gRPC's ErrorInfo."""
    request_id: str
    """Under which the logs have it."""
    errors: list[ProblemField] = []
    """Every wrong field, where the request itself was wrong."""
