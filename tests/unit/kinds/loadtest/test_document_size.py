"""Documents that must fit."""

import msgspec
import pytest

from tensorfleet.kinds.loadtest.crew.merging import total_counts
from tensorfleet.kinds.loadtest.document_size import within
from tensorfleet.kinds.loadtest.histogram import merged
from tensorfleet.kinds.loadtest.record import Document, Sample, Watched
from tensorfleet.shared.errors import InvalidInput
from tests.unit.kinds.loadtest.documents import point


def document(points: int = 1, seconds: int = 60) -> Document:
    samples = tuple(Sample(at=float(at), cpu_user=0.5) for at in range(seconds))
    return Document(
        started_at="2026-01-01T00:00:00Z",
        points=(point(seconds),) * points,
        watched=(Watched(alias="web", source="local", samples=samples),),
    )


def size(of: Document) -> int:
    return len(msgspec.json.encode(of))


def test_a_document_that_fits_is_left_alone() -> None:
    given = document()
    assert within(given, size(given) + 1000) is given


def test_one_that_does_not_has_fewer_rows_and_the_same_sums() -> None:
    given = document()
    found = within(given, size(given) // 2)
    assert size(found) <= size(given) // 2
    before, after = given.points[0], found.points[0]
    assert len(after.seconds) in (8, 15, 30)
    assert sum(row.seconds for row in after.seconds) == 60
    assert [row.start for row in after.seconds] == sorted(row.start for row in after.seconds)
    assert total_counts(row.counts for row in after.seconds) == before.counts
    assert merged([row.response for row in after.seconds]).encode() == before.response
    assert (after.counts, after.response, after.service) == (
        before.counts,
        before.response,
        before.service,
    )
    assert [note.code for note in found.notes] == ["COARSER"]


def test_samples_tell_their_longer_interval() -> None:
    given = document()
    watched = within(given, size(given) // 2).watched[0]
    assert len(watched.samples) * watched.interval_seconds == pytest.approx(60, abs=4)
    assert watched.samples[-1].at == 59.0


def test_many_points_do_without_their_seconds_rather_than_be_lost() -> None:
    given = document(points=40, seconds=8)
    found = within(given, 80_000)
    assert len(found.points) == 40
    assert found.points[0].seconds == ()
    assert found.points[0].response == given.points[0].response
    assert [note.code for note in found.notes] == ["WITHOUT_SECONDS"]


def test_what_cannot_be_made_to_fit_is_told() -> None:
    with pytest.raises(InvalidInput, match="the results of 40 points are larger than 1,000 bytes"):
        within(document(points=40, seconds=8), 1000)
