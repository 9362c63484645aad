"""HTTP to a gateway: token, retries, answers in their shapes, problems as errors."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import httpx
import msgspec

from tensorfleet.sdk.credentials import Credentials
from tensorfleet.shared import errors
from tensorfleet.shared.rest.auth import AccessToken, Login
from tensorfleet.shared.rest.problems import Problem

Shape = TypeVar("Shape")

ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
CONNECT_SECONDS = 5.0
DEFAULT_TIMEOUT_SECONDS = 30.0

LOGIN_PATH = "/api/v1/auth/login"

# For answers that are no problem of ours: from proxies, or from something that is no gateway.
_CLASS_BY_STATUS: dict[int, type[errors.TensorFleetError]] = {
    401: errors.Unauthenticated,
    403: errors.PermissionDenied,
    404: errors.NotFound,
    409: errors.Conflict,
    413: errors.TooLarge,
    429: errors.RateLimited,
    501: errors.Unimplemented,
    502: errors.Unavailable,
    503: errors.Unavailable,
    504: errors.DeadlineExceeded,
}

# What may be different the next time. Every request of the SDK is safe to send again.
_PASSING = (errors.Unavailable, errors.RateLimited)


class Connection:
    """Requests to one fleet, as one user. Safe to use from several threads.

    Of several gateways, one is asked until it does not answer; then the next, and so on.
    """

    def __init__(
        self, credentials: Credentials, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.credentials = credentials
        self._token = credentials.token
        self._sleep = sleep
        self._urls = _check_urls(credentials.url)
        self.url = self._urls[0]
        """The gateway's that is asked at present."""
        self._http = httpx.Client(
            timeout=httpx.Timeout(DEFAULT_TIMEOUT_SECONDS, connect=CONNECT_SECONDS),
            # A proxy variable meant for the web must not catch the fleet's own traffic.
            trust_env=False,
        )

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def log_in(self) -> AccessToken:
        """Gets a new token for the name and password.

        Raises:
            Unauthenticated: They are wrong, or there are none.
        """
        if not self.credentials.password:
            raise errors.Unauthenticated(
                "the token is not good (any more) and there is no password to get another one "
                "with; set a new token"
            )
        body = Login(username=self.credentials.username, password=self.credentials.password)
        answer = self._send_with_retries("POST", LOGIN_PATH, msgspec.json.encode(body), {})
        token = self._decode(answer, AccessToken)
        self._token = token.access_token
        return token

    def request(
        self,
        method: str,
        path: str,
        shape: type[Shape],
        *,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
        also_fine: frozenset[int] = frozenset(),
        is_public: bool = False,
    ) -> Shape:
        """Sends a request and gives its answer in a shape.

        Broken connections and answers that ask to try again are tried again, a few times.

        Args:
            path: With every part quoted already.
            shape: `bytes` stands for the answer's body as it is.
            body: A struct or plain values; None means no body.
            also_fine: Statuses above 399 that carry the shape, too.
            is_public: Whether it needs no login, and is sent without a token.

        Raises:
            TensorFleetError: The class that fits the problem that the gateway answered with.
            Unavailable: The gateway does not answer.
        """
        content = msgspec.json.encode(body) if body is not None else None
        parameters = {key: value for key, value in (query or {}).items() if value not in ("", None)}
        options = {
            "params": parameters,
            "timeout": httpx.Timeout(timeout_seconds, connect=CONNECT_SECONDS),
        }

        def send(token: Mapping[str, str]) -> httpx.Response:
            sent = {**(headers or {}), **token}
            return self._send_with_retries(method, path, content, sent, options, also_fine)

        return self._decode(send({}) if is_public else self._with_token(send), shape)

    @contextmanager
    def stream(
        self, path: str, headers: Mapping[str, str], read_timeout_seconds: float
    ) -> Iterator[httpx.Response]:
        """An answer that is read while it comes.

        Raises:
            TensorFleetError: As `request`; broken connections come out as `Unavailable`.
        """
        timeout = httpx.Timeout(read_timeout_seconds, connect=CONNECT_SECONDS)

        def open_stream(token: Mapping[str, str]) -> httpx.Response:
            request = self._http.build_request(
                "GET", self.url + path, headers={**headers, **token}, timeout=timeout
            )
            answer = self._http.send(request, stream=True)
            if answer.is_error:
                try:
                    answer.read()
                finally:
                    answer.close()
                raise _error_of(answer)
            return answer

        asked = self.url
        try:
            answer = self._with_token(open_stream)
            try:
                yield answer
            finally:
                answer.close()
        except httpx.TransportError as exc:
            raise self._unreachable(exc, asked) from exc
        except errors.Unavailable:
            self._turn_from(asked)
            raise

    def _with_token(self, send: Callable[[Mapping[str, str]], httpx.Response]) -> httpx.Response:
        """Sends with the token; when it is refused, once more with a new one."""
        if not self._token:
            self.log_in()
        try:
            return send(self._authorization())
        except errors.Unauthenticated:
            if not self.credentials.password:
                raise
        self.log_in()
        return send(self._authorization())

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _send_with_retries(
        self,
        method: str,
        path: str,
        content: bytes | None,
        headers: Mapping[str, str],
        options: Mapping[str, Any] | None = None,
        also_fine: frozenset[int] = frozenset(),
    ) -> httpx.Response:
        all_headers = dict(headers)
        if content is not None:
            all_headers["Content-Type"] = "application/json"
        pause_seconds = FIRST_PAUSE_SECONDS
        # Each gateway is asked before the first pause; after it, another one each time.
        attempts = ATTEMPTS + len(self._urls) - 1
        for attempt in range(1, attempts + 1):
            advised_seconds = 0.0
            asked = self.url
            try:
                answer = self._http.request(
                    method, asked + path, content=content, headers=all_headers, **(options or {})
                )
                if answer.is_success or answer.status_code in also_fine:
                    return answer
                error = _error_of(answer)
                if not isinstance(error, _PASSING):
                    raise error
                advised_seconds = _advised_seconds(answer)
                if isinstance(error, errors.Unavailable):
                    self._turn_from(asked)
            except httpx.TransportError as exc:
                error = self._unreachable(exc, asked)
                error.__cause__ = exc
            if attempt == attempts:
                raise error
            if attempt < len(self._urls):
                continue
            jitter = random.uniform(0.5, 1.0)  # noqa: S311  not a secret
            self._sleep(max(pause_seconds * jitter, advised_seconds))
            pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
        raise AssertionError("the last attempt returns or raises")

    def _turn_from(self, url: str) -> None:
        """Asks the next gateway from now on, unless another thread has turned to it already."""
        if self.url == url:
            self.url = self._urls[(self._urls.index(url) + 1) % len(self._urls)]

    def _unreachable(self, exc: httpx.TransportError, url: str) -> errors.TensorFleetError:
        self._turn_from(url)
        return errors.Unavailable(
            f"the gateway at {url} does not answer ({type(exc).__name__}: {exc}); is the fleet up?"
        )

    def _decode(self, answer: httpx.Response, shape: type[Shape]) -> Shape:
        if shape is type(None):
            return None
        if shape is bytes:
            return cast(Shape, answer.content)
        try:
            return msgspec.json.decode(answer.content, type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise errors.TensorFleetError(
                f"{answer.request.url.host} did not answer as a TensorFleet gateway of this "
                f"version does: {exc}"
            ) from exc


def _check_urls(urls: str) -> list[str]:
    """One URL or several, separated by commas."""
    return [_check_url(url.strip()) for url in urls.split(",") if url.strip()] or [_check_url(urls)]


def _check_url(url: str) -> str:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as exc:
        raise errors.InvalidInput(f"{url!r} is not a URL: {exc}") from exc
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise errors.InvalidInput(
            f"{url!r} is not the URL of a gateway; write one like http://127.0.0.1:7100"
        )
    return url.rstrip("/")


def _error_of(answer: httpx.Response) -> errors.TensorFleetError:
    """The error that an answer stands for."""
    fallback = _CLASS_BY_STATUS.get(
        answer.status_code,
        errors.InvalidInput if 400 <= answer.status_code < 500 else errors.TensorFleetError,
    )
    try:
        problem = msgspec.json.decode(answer.content, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return fallback(f"{answer.request.url.host} answered with HTTP {answer.status_code}")
    if problem.code not in errors.every_error_class():
        return fallback(problem.detail)
    fields = tuple(errors.FieldError(field=e.field, message=e.message) for e in problem.errors)
    return errors.error_from_reason(problem.code, problem.detail, fields)


def _advised_seconds(answer: httpx.Response) -> float:
    try:
        return min(float(answer.headers.get("Retry-After", 0)), LONGEST_PAUSE_SECONDS)
    except ValueError:
        return 0.0
