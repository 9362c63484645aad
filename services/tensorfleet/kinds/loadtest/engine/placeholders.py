"""Texts with `${...}`: taken apart once, put together for each request."""

import os
import re
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tensorfleet.shared.errors import InvalidInput

_PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_MAX_SECRET_BYTES = 64 * 1024

Values = Mapping[str, str]
"""By name: "load", "counter", "feed.COLUMN" and what steps extracted."""


class MissingValue(Exception):
    """A text names a value that there is not."""


class Template:
    """A text, or a text with values to come."""

    __slots__ = ("_parts", "fixed", "names")

    def __init__(self, text: str, secrets: Callable[[str], str]) -> None:
        """
        Args:
            secrets: Gives the value of a reference such as "env:NAME".

        Raises:
            InvalidInput: A placeholder is none, or a secret is not there.
        """
        # Texts and names in turn, as `re.split` gives them.
        pieces = _PLACEHOLDER.split(text)
        parts: list[str | tuple[str]] = []
        for index, piece in enumerate(pieces):
            if index % 2 == 0:
                parts.append(piece)
            elif piece.startswith(("env:", "file:")):
                parts.append(secrets(piece))
            elif _NAME.fullmatch(piece):
                parts.append((piece,))
            else:
                raise InvalidInput(f"${{{piece[:80]}}} is not a placeholder")
        self._parts = parts
        self.names = frozenset(part[0] for part in parts if isinstance(part, tuple))
        self.fixed: str | None = None if self.names else "".join(map(str, parts))
        """The text, where nothing is to come."""

    def fill(self, values: Values) -> str:
        """The text with values.

        Raises:
            MissingValue: One is not there.
        """
        if self.fixed is not None:
            return self.fixed
        return "".join(
            part if isinstance(part, str) else _value(part[0], values) for part in self._parts
        )


def secrets_of(folder: Path) -> Callable[[str], str]:
    """Reads secrets: "env:NAME" from the environment, "file:PATH" from a file (of the folder,
    unless the path is absolute; its last line end does not count)."""

    def read(reference: str) -> str:
        source, _, name = reference.partition(":")
        if source == "env":
            if name not in os.environ:
                raise InvalidInput(f"the environment has no {name!r}, which ${{{reference}}} names")
            return os.environb[os.fsencode(name)].decode(errors="replace")
        try:
            data = (folder / name).read_bytes()
        except OSError as exc:
            raise InvalidInput(f"${{{reference}}} cannot be read: {exc.strerror}") from exc
        if len(data) > _MAX_SECRET_BYTES:
            raise InvalidInput(f"${{{reference}}} has over {_MAX_SECRET_BYTES:,} bytes")
        return data.decode(errors="replace").removesuffix("\n").removesuffix("\r")

    return read


def templates_in(value: Any, secrets: Callable[[str], str]) -> Any:
    """A JSON value with a `Template` in the place of each text."""
    if isinstance(value, str):
        return Template(value, secrets)
    if isinstance(value, dict):
        return {key: templates_in(item, secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [templates_in(item, secrets) for item in value]
    return value


def filled(value: Any, values: Values) -> Any:
    """What `templates_in` made, with values.

    A text that is one placeholder for a number stays a text. Raises MissingValue.
    """
    if isinstance(value, Template):
        return value.fill(values)
    if isinstance(value, dict):
        return {key: filled(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, values) for item in value]
    return value


def names_in(value: Any) -> frozenset[str]:
    """The values that a template, or a JSON value with templates, needs."""
    if isinstance(value, Template):
        return value.names
    if isinstance(value, dict):
        return frozenset().union(*map(names_in, value.values()))
    if isinstance(value, list):
        return frozenset().union(*map(names_in, value))
    return frozenset()


def _value(name: str, values: Values) -> str:
    if name == "uuid":
        return str(uuid.uuid4())
    try:
        return values[name]
    except KeyError:
        raise MissingValue(name) from None
