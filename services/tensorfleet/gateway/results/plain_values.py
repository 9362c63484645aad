"""What kinds put into their tables and reports, in the types that JSON has, and times."""

import math
from datetime import datetime
from types import NoneType
from typing import Any

import msgspec

from tensorfleet.shared.rest.numbers import to_json_number

_PLAIN = (NoneType, bool, int, float, str, datetime)


def to_plain(value: Any) -> Any:
    """The value with lists, dicts, numbers, texts and times only; NumPy's and structs become those.

    Raises:
        TypeError: Something in it is none of these.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if isinstance(value, dict):
        return {str(key): to_plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(entry) for entry in value]
    if hasattr(value, "tolist"):
        return to_plain(value.tolist())
    found = msgspec.to_builtins(value, builtin_types=(datetime,))
    if type(found) is kind:
        raise TypeError(f"a kind's rows and reports cannot have a {kind.__name__}")
    return to_plain(found)


def to_json_ready(value: Any) -> Any:
    """Like `to_plain`; numbers that JSON cannot write are the texts "NaN", "Infinity", ..."""
    return _finite(to_plain(value))


def to_json_text(value: Any) -> str:
    """A plain value as JSON."""
    return msgspec.json.encode(_finite(value)).decode()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else to_json_number(value)
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_finite(entry) for entry in value]
    return value
