"""Documents of bounded size: with coarser seconds and samples, as far as that is needed."""

import msgspec

from tensorfleet.kinds.loadtest.crew.merging import joined
from tensorfleet.kinds.loadtest.record import Document, Reason, Second
from tensorfleet.shared.errors import InvalidInput

_COARSER = Reason(
    code="COARSER",
    message="the seconds and samples of this document were put together to keep its size in bounds",
)
_LEAST_ROWS = 8


def within(document: Document, max_bytes: int) -> Document:
    """The document, or one with fewer and longer rows; sums and percentiles stay the same.

    Raises:
        InvalidInput: It has too many points for any such size.
    """
    found = document
    while len(msgspec.json.encode(found)) > max_bytes:
        coarser = _coarser(found)
        if coarser == found:
            raise InvalidInput(
                f"the results of {len(found.points):,} points are larger than {max_bytes:,} bytes; "
                "ask for fewer loads in one load test"
            )
        found = coarser
    if found is document:
        return document
    return msgspec.structs.replace(found, notes=(*found.notes, _COARSER))


def _coarser(document: Document) -> Document:
    points = tuple(
        msgspec.structs.replace(point, seconds=_halved(point.seconds)) for point in document.points
    )
    watched = tuple(
        msgspec.structs.replace(
            machine,
            samples=machine.samples[1::2],
            interval_seconds=2 * machine.interval_seconds,
        )
        if len(machine.samples) > _LEAST_ROWS
        else machine
        for machine in document.watched
    )
    return msgspec.structs.replace(document, points=points, watched=watched)


def _halved(seconds: tuple[Second, ...]) -> tuple[Second, ...]:
    if len(seconds) <= _LEAST_ROWS:
        return seconds
    return tuple(joined(seconds[i : i + 2]) for i in range(0, len(seconds), 2))
