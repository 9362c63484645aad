"""Times and spans as the contract has them."""

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_timestamp(time: datetime | None) -> Timestamp | None:
    """An aware time for a message; None stays absent."""
    if time is None:
        return None
    # `FromDatetime` takes ten times as long, and every event has a time.
    microseconds = (time - _EPOCH) // _MICROSECOND
    return Timestamp(seconds=microseconds // 1_000_000, nanos=microseconds % 1_000_000 * 1_000)


def to_duration(span: timedelta | None) -> Duration | None:
    """A span for a message; None stays absent."""
    if span is None:
        return None
    duration = Duration()
    duration.FromTimedelta(span)
    return duration
