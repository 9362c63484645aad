"""Documents of bounded size: with coarser seconds and samples, as far as that is needed."""

import msgspec

from tensorfleet.kinds.loadtest.crew.merging import joined
from tensorfleet.kinds.loadtest.record import Document, Point, Reason, Second, Watched
from tensorfleet.shared.errors import InvalidInput

_COARSER = Reason(
    code="COARSER",
    message="the seconds and samples of this document were put together to keep its size in bounds",
)
_WITHOUT_SECONDS = Reason(
    code="WITHOUT_SECONDS",
    message="the seconds of this document were left out to keep its size in bounds; ask for fewer "
    "loads in one load test to have them",
)
# Fewer say nothing about the course of a point.
_LEAST_ROWS = 8


def within(document: Document, max_bytes: int) -> Document:
    """The document, or one with fewer and longer rows, or none where even those are too many; sums
    and percentiles of points stay the same.

    Raises:
        InvalidInput: It has too many points for any such size.
    """
    found, note = document, _COARSER
    while len(msgspec.json.encode(_with_note(found, note))) > max_bytes:
        coarser = _coarser(found)
        if coarser == found:
            note = _WITHOUT_SECONDS
            coarser = _without_seconds(found)
        if coarser == found:
            raise InvalidInput(
                f"the results of {len(found.points):,} points are larger than {max_bytes:,} bytes; "
                "ask for fewer loads in one load test"
            )
        found = coarser
    return document if found is document else _with_note(found, note)


def _with_note(document: Document, note: Reason) -> Document:
    return msgspec.structs.replace(document, notes=(*document.notes, note))


def _coarser(document: Document) -> Document:
    points = tuple(_with_seconds(point, _halved(point.seconds)) for point in document.points)
    watched = tuple(map(_with_half_the_samples, document.watched))
    return msgspec.structs.replace(document, points=points, watched=watched)


def _without_seconds(document: Document) -> Document:
    points = tuple(_with_seconds(point, ()) for point in document.points)
    return msgspec.structs.replace(document, points=points)


def _with_seconds(point: Point, seconds: tuple[Second, ...]) -> Point:
    return msgspec.structs.replace(point, seconds=seconds)


def _with_half_the_samples(machine: Watched) -> Watched:
    if len(machine.samples) <= _LEAST_ROWS:
        return machine
    return msgspec.structs.replace(
        machine,
        samples=machine.samples[1::2],
        interval_seconds=2 * machine.interval_seconds,
    )


def _halved(seconds: tuple[Second, ...]) -> tuple[Second, ...]:
    if len(seconds) <= _LEAST_ROWS:
        return seconds
    return tuple(joined(seconds[i : i + 2]) for i in range(0, len(seconds), 2))
