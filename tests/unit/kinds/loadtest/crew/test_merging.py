"""Several generators' parts as one, and rows of bounded number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.kinds.loadtest.crew.merging import (
    SecondRows,
    joined,
    merged_second,
    total_counts,
)
from tensorfleet.kinds.loadtest.engine.part import SecondPart
from tensorfleet.kinds.loadtest.histogram import Histogram, merged
from tests.unit.kinds.loadtest.documents import second


def part(answered: int, errors: dict[str, int], nanoseconds: int) -> SecondPart:
    times = Histogram()
    times.record([nanoseconds] * answered)
    return SecondPart(
        start=4,
        scheduled=answered + 1,
        sent=answered,
        late=1,
        held=2,
        answered=answered,
        errors=errors,
        statuses={"200": answered},
        response=times.sparse(),
        service=times.sparse(),
        sent_bytes=10,
        received_bytes=20,
    )


def test_counts_and_histograms_of_generators_are_added() -> None:
    found = merged_second(
        [part(3, {"RESET": 1}, 10**6), part(5, {"RESET": 2, "TIMEOUT": 1}, 10**9)]
    )
    counts = found.counts
    assert (found.start, found.seconds) == (4, 1)
    assert (counts.scheduled, counts.sent, counts.late, counts.held) == (10, 8, 2, 4)
    assert (counts.answered, counts.failed) == (8, 4)
    assert counts.errors == {"RESET": 3, "TIMEOUT": 1}
    assert counts.statuses == {"200": 8}
    assert (counts.sent_bytes, counts.received_bytes) == (20, 40)
    response = Histogram.decode(found.response)
    assert response.total == 8
    assert response.percentiles([37.5, 38.0]) == [
        pytest.approx(0.001, rel=1e-3),
        pytest.approx(1, rel=1e-3),
    ]


@given(st.integers(1, 60), st.integers(1, 6))
def test_rows_stay_few_and_lose_nothing(seconds: int, most: int) -> None:
    given_rows = [second(start, answered=2, failed=start % 2) for start in range(seconds)]
    rows = SecondRows(most)
    for row in given_rows:
        rows.add(row)
        assert len(rows.rows()) <= 2 * most
    found = rows.rows()
    assert total_counts(r.counts for r in found) == total_counts(r.counts for r in given_rows)
    assert merged([r.response for r in found]) == merged([r.response for r in given_rows])
    place = 0
    for row in found:
        assert row.start == place
        place += row.seconds
    assert place == seconds


def test_a_row_of_one_second_is_that_second() -> None:
    only = second(3)
    assert joined([only]) is only
