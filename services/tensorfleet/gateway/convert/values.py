"""Times and JSON texts between protobuf and REST."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp


def to_time(message: Any, field: str) -> datetime | None:
    """A Timestamp field, aware, in UTC; None when it is absent."""
    if not message.HasField(field):
        return None
    time: Timestamp = getattr(message, field)
    return time.ToDatetime(tzinfo=UTC)


def to_seconds(message: Any, field: str) -> float | None:
    """A Duration field in seconds; None when it is absent."""
    if not message.HasField(field):
        return None
    duration: Duration = getattr(message, field)
    return duration.ToTimedelta().total_seconds()


def to_object(text: str) -> dict[str, Any]:
    """A JSON object that travels as text; empty text is an empty object."""
    return msgspec.json.decode(text, type=dict[str, Any]) if text else {}


def to_value(text: str) -> Any:
    """A JSON value that travels as text; None for none. What is no JSON is shown as it is."""
    if not text:
        return None
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def to_text(value: dict[str, Any]) -> str:
    """A JSON object as text."""
    return msgspec.json.encode(value).decode()
