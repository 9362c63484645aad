"""What an answer must be, and what is taken from it for later steps."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tensorfleet.kinds.loadtest.spec import Checks, Step
from tensorfleet.shared.errors import InvalidInput

Fields = Mapping[str, str]
"""An answer's header fields (of gRPC: metadata), names in lower case."""


class WrongAnswer(Exception):
    """An answer that does not count as good: a stable code, what is wrong, and its status."""

    def __init__(self, code: str, message: str, status: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.status = status


class AnswerRules:
    """The checks and extractions of one step."""

    __slots__ = (
        "_checks",
        "_contains",
        "_extractions",
        "_pattern",
        "extracted",
        "good_statuses",
        "looks_inside",
    )

    def __init__(self, step: Step) -> None:
        """
        Raises:
            InvalidInput: A regular expression or an extraction is wrong.
        """
        checks = self._checks = step.checks
        self.good_statuses = frozenset(checks.status or range(200, 400))
        self._contains = checks.body_contains.encode()
        self._pattern = _pattern(checks.body_matches) if checks.body_matches else None
        self._extractions = {
            name: _extraction(name, source) for name, source in step.extract.items()
        }
        self.extracted = frozenset(self._extractions)
        """The names of what is extracted."""
        self.looks_inside = bool(
            checks.body_contains or checks.body_matches or checks.json_equals or self._extractions
        )
        """Whether more than the status counts."""

    def look_inside(self, fields: Fields, body: bytes, values: dict[str, str]) -> None:
        """Checks the answer, and puts what is extracted into `values`.

        Raises:
            WrongAnswer: It is not what it must be (CHECK), or lacks what is to be extracted
                (EXTRACT).
        """
        _check_text(self._checks, self._contains, self._pattern, body)
        document = _Document(body)
        for path, expected in self._checks.json_equals.items():
            found = document.at(path)
            if found != expected:
                message = f"{path} is {_short(found)}, not {_short(expected)}"
                raise WrongAnswer("CHECK", message)
        for name, extract in self._extractions.items():
            found = extract(fields, body, document)
            if found is None:
                raise WrongAnswer("EXTRACT", f"there is no {name} in the answer")
            values[name] = found


class _Document:
    """A body as JSON, decoded when it is first asked for."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._value: Any = None
        self._is_decoded = False

    def at(self, path: str) -> Any:
        """The value at a path such as "items.0.id"; None where there is none."""
        if not self._is_decoded:
            try:
                self._value = msgspec.json.decode(self._body)
            except (msgspec.DecodeError, RecursionError) as exc:
                raise WrongAnswer("CHECK", f"the body is not JSON: {exc}") from exc
            self._is_decoded = True
        value = self._value
        for key in path.split(".") if path else ():
            if isinstance(value, dict):
                value = value.get(key)
            elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
                value = value[int(key)]
            else:
                return None
        return value


_Extract = Callable[[Fields, bytes, _Document], str | None]


def _extraction(name: str, source: str) -> _Extract:
    kind, _, rest = source.partition(":")
    if kind == "json":
        return lambda _fields, _body, document: _as_text(document.at(rest))
    if kind == "header" and rest:
        return lambda fields, _body, _document: fields.get(rest.lower())
    if kind == "regex" and rest:
        pattern = _pattern(rest)
        group = 1 if pattern.groups else 0

        def search(_fields: Fields, body: bytes, _document: _Document) -> str | None:
            found = pattern.search(body)
            return None if found is None else (found[group] or b"").decode(errors="replace")

        return search
    message = f'extract.{name} must be "json:PATH", "header:NAME" or "regex:PATTERN"'
    raise InvalidInput(f"{message}, not {source[:80]!r}")


def _check_text(
    checks: Checks, contains: bytes, pattern: re.Pattern[bytes] | None, body: bytes
) -> None:
    if contains and contains not in body:
        raise WrongAnswer("CHECK", f"the body does not contain {checks.body_contains[:80]!r}")
    if pattern is not None and pattern.search(body) is None:
        raise WrongAnswer("CHECK", f"the body does not match {checks.body_matches[:80]!r}")


def _pattern(text: str) -> re.Pattern[bytes]:
    try:
        return re.compile(text.encode())
    except re.error as exc:
        raise InvalidInput(f"{text[:80]!r} is not a regular expression: {exc}") from exc


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def _short(value: Any) -> str:
    return repr(value)[:60]
