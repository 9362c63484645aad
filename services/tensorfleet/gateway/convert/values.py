"""Times and JSON texts between protobuf and REST."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from google.protobuf.timestamp_pb2 import Timestamp


def to_time(message: Any, field: str) -> datetime | None:
    """A Timestamp field, aware, in UTC; None when it is absent."""
    if not message.HasField(field):
        return None
    time: Timestamp = getattr(message, field)
    return time.ToDatetime(tzinfo=UTC)


def to_object(text: str) -> dict[str, Any]:
    """A JSON object that travels as text; empty text is an empty object."""
    return msgspec.json.decode(text, type=dict[str, Any]) if text else {}


def to_value(text: str) -> Any:
    """A JSON value that travels as text; empty text is null."""
    return msgspec.json.decode(text) if text else None


def to_text(value: dict[str, Any]) -> str:
    """A JSON object as text."""
    return msgspec.json.encode(value).decode()
