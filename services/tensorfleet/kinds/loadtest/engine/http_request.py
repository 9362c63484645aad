"""One HTTP step, compiled: from values to the bytes of a request."""

from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote

import msgspec

from tensorfleet import __version__
from tensorfleet.kinds.loadtest.engine.answer_rules import AnswerRules
from tensorfleet.kinds.loadtest.engine.placeholders import (
    Template,
    filled,
    names_in,
    templates_in,
)
from tensorfleet.kinds.loadtest.origin import Origin, parse_target
from tensorfleet.kinds.loadtest.spec import Step
from tensorfleet.shared.errors import InvalidInput

_AGENT = f"tensorfleet-loadtest/{__version__}"
# What a path may have as it stands; all else that values bring is percent-encoded.
_PATH_SAFE = "/?&=%:@!$'()*+,;~-._[]"
# RFC 9110: asking again changes nothing that the first did not.
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_BODYLESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS", "TRACE"})


# What a redirect to another target does not take along (RFC 9110, 15.4).
_OWN = frozenset({"authorization", "cookie", "host", "proxy-authorization"})


class HttpRequest:
    """A step of a case."""

    __slots__ = (
        "_body",
        "_headers",
        "_json",
        "_path",
        "fixed",
        "follow_redirects",
        "is_head",
        "is_idempotent",
        "is_plain",
        "method",
        "name",
        "names",
        "origin",
        "rules",
        "timeout_nanoseconds",
    )

    def __init__(
        self,
        step: Step,
        target: tuple[Origin, str],
        secrets: Callable[[str], str],
        timeout_seconds: float,
    ) -> None:
        """
        Args:
            target: Origin and path of the test's first target.

        Raises:
            InvalidInput: Something of the step is wrong.
        """
        self.method = step.method.upper()
        if not self.method or not set(self.method) <= _TOKEN or self.method == "CONNECT":
            raise InvalidInput(f"{step.method[:40]!r} is not a method of HTTP")
        path = step.path
        self.origin, base = target
        if not path.startswith("/") and "://" in path:
            self.origin, path = parse_target(path)
        else:
            path = path_below(base, path)
        if step.body and step.json is not None:
            raise InvalidInput(f"the step {step.name or path!r} has a body and json; give one")
        self.name = step.name or f"{self.method} {path}"
        self._path = Template(path, secrets)
        check_header_names(step.headers)
        self._headers = {name: Template(text, secrets) for name, text in step.headers.items()}
        self._body = Template(step.body, secrets)
        self._json = None if step.json is None else templates_in(step.json, secrets)
        self.names = names_in([self._path, *self._headers.values(), self._body, self._json])
        self.rules = AnswerRules(step)
        self.is_head = self.method == "HEAD"
        self.is_idempotent = self.method in _IDEMPOTENT
        self.follow_redirects = step.follow_redirects
        self.is_plain = not (self.rules.looks_inside or self.follow_redirects)
        """Whether an answer's status is all that counts."""
        self.timeout_nanoseconds = int((step.timeout_seconds or timeout_seconds) * 1e9)
        self.fixed: bytes | None = None
        """The whole request, where it is always the same."""
        if not self.names:
            self.fixed = self.render({})

    def render(self, values: Mapping[str, str]) -> bytes:
        """The bytes to send.

        Raises:
            MissingValue: It names a value that there is not.
            InvalidInput: A value has a line end where there may be none.
        """
        if self.fixed is not None:
            return self.fixed
        path = self._path.fill(values)
        return self.written(self.method, path, self._filled_headers(values), self._content(values))

    def path_of(self, values: Mapping[str, str]) -> str:
        """The path that is asked for. Raises MissingValue."""
        return self._path.fill(values)

    def redirected(
        self, method: str, path: str, origin: Origin, values: Mapping[str, str]
    ) -> bytes:
        """The request that follows a redirect; with the body only if the method is the same, and to
        another target without what was meant for the first."""
        body = self._content(values) if method == self.method else b""
        headers = self._filled_headers(values)
        if origin != self.origin:
            headers = {name: text for name, text in headers.items() if name.lower() not in _OWN}
        return self.written(method, path, headers, body, origin)

    def written(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        origin: Origin | None = None,
    ) -> bytes:
        """A request in the form of HTTP/1.1.

        Raises:
            InvalidInput: A value has a line end where there may be none.
        """
        fields = {
            "host": f"Host: {(origin or self.origin).authority}",
            "user-agent": f"User-Agent: {_AGENT}",
            "accept": "Accept: */*",
        }
        if self._json is not None and body:
            fields["content-type"] = "Content-Type: application/json"
        if body or method not in _BODYLESS:
            fields["content-length"] = f"Content-Length: {len(body)}"
        for name, text in headers.items():
            fields[name.lower()] = f"{name}: {text}"
        lines = [f"{method} {quote(path, safe=_PATH_SAFE)} HTTP/1.1", *fields.values()]
        if any("\r" in line or "\n" in line for line in lines):
            raise InvalidInput(f"a value in {self.name!r} has a line end, which no header may have")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def _content(self, values: Mapping[str, str]) -> bytes:
        if self._json is not None:
            return msgspec.json.encode(filled(self._json, values))
        return self._body.fill(values).encode()

    def _filled_headers(self, values: Mapping[str, str]) -> dict[str, str]:
        return {name: template.fill(values) for name, template in self._headers.items()}


def path_below(base: str, path: str) -> str:
    """A step's path below that of its target.

    Raises:
        InvalidInput: It does not begin with a slash.
    """
    if not path.startswith("/"):
        raise InvalidInput(f"the path {path[:80]!r} must begin with /")
    if path == "/":
        return base
    return base.partition("?")[0].rstrip("/") + path


def check_header_names(names: Iterable[str]) -> None:
    """
    Raises:
        InvalidInput: One is none, or is not the user's to set.
    """
    for name in names:
        if not name or not set(name) <= _TOKEN:
            raise InvalidInput(f"{name[:80]!r} is not a header's name")
        if name.lower() in ("content-length", "transfer-encoding"):
            raise InvalidInput(f"the header {name} is set by itself; leave it out")
