"""What a user's own case is: a class with a coroutine that one arrival runs."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from tensorfleet.kinds.loadtest.spec import Step


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; of repeated ones the last."""
    body: bytes

    def json(self) -> Any:
        """The body, decoded. Raises msgspec.DecodeError."""
        return msgspec.json.decode(self.body)


class Http(Protocol):
    """Requests to the target over the generator's own connections."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout_seconds: float | None = None,
    ) -> Answer:
        """Sends one request and waits for the whole answer, whatever its status.

        Raises:
            RequestFailed: There is none; `code` says why ("TIMEOUT", "CONNECT_REFUSED", ...).
        """


class RequestFailed(Exception):
    """There was no answer; `code` says why ("TIMEOUT", "CONNECT_REFUSED", ...)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class CheckFailed(Exception):
    """Raised by a case whose answer is not what it must be; counted as CHECK, with the message."""


class LoadCase(ABC):
    """One's own case. The generator makes one object a process and runs `run` for each arrival,
    many at a time; what it raises counts as a failed arrival (as CASE_RAISED, unless it is
    `CheckFailed` or a request's own failure)."""

    def __init__(self, http: Http, target: str) -> None:
        self.http = http
        self.target = target

    async def start(self) -> None:  # noqa: B027  a case may do without
        """Called once before the first arrival."""

    @abstractmethod
    async def run(self, load: int) -> float | None:
        """One arrival. Returns the server's own processing span in seconds, if it tells one."""

    async def stop(self) -> None:  # noqa: B027
        """Called once after the last answer."""


class StepsCase(ABC):
    """A case that is requests only: the engine sends them without a coroutine an arrival, many
    times faster than a `LoadCase`. The server's span is read from the header `Server-Timing`."""

    @abstractmethod
    def steps(self) -> tuple[Step, ...]:
        """The requests of one arrival; `${load}` in them is the load parameter."""
