"""When a point says more about the generator than about the target."""

import numpy as np
import pytest

from tensorfleet.kinds.loadtest.crew.validity import what_to_know, why_invalid
from tensorfleet.kinds.loadtest.histogram import Histogram
from tensorfleet.kinds.loadtest.record import Counts


def times(*shares: tuple[int, float]) -> Histogram:
    """So many of each duration in seconds."""
    histogram = Histogram()
    for count, seconds in shares:
        histogram.record(np.full(count, int(seconds * 1e9)))
    return histogram


def codes(
    lateness: Histogram,
    response: Histogram | None = None,
    scheduled: int = 1000,
    planned_seconds: float = 10.0,
) -> list[str]:
    given = times((1000, 0.01)) if response is None else response
    counts = Counts(scheduled=scheduled, answered=scheduled)
    return [reason.code for reason in why_invalid(counts, given, lateness, planned_seconds)]


@pytest.mark.parametrize(
    "lateness",
    [
        times((1000, 0.00005)),
        times((1000, 0.0009)),  # much of the response time, but below a millisecond
        times((991, 0.0), (9, 0.2)),  # fewer than one in a hundred
    ],
)
def test_a_generator_that_keeps_its_times_is_valid(lateness: Histogram) -> None:
    assert codes(lateness) == []


def test_lateness_that_is_a_good_part_of_the_response_time_is_told() -> None:
    lateness = times((980, 0.0), (20, 0.002))
    assert codes(lateness) == ["GENERATOR_LATE"]
    assert codes(lateness, times((1000, 0.05))) == [], "of 50 ms it is not"
    assert codes(lateness, Histogram()) == ["GENERATOR_LATE"], "with no answer at all it is"


def test_a_few_late_arrivals_of_few_say_nothing() -> None:
    late = times((7, 0.0), (3, 0.02))
    assert codes(late, scheduled=10) == []
    assert codes(times((6, 0.0), (4, 0.02)), scheduled=10) == ["GENERATOR_LATE"]


def test_a_generator_that_falls_behind_is_told_even_once() -> None:
    lateness = times((999, 0.0), (1, 0.6))
    assert codes(lateness) == ["GENERATOR_BEHIND"]
    assert codes(lateness, planned_seconds=3600.0) == [], "of an hour it is nothing"


def test_arrivals_that_were_not_begun_are_told() -> None:
    assert codes(times((900, 0.0))) == ["NOT_ALL_SENT"]
    reason = why_invalid(Counts(scheduled=1000), Histogram(), times((900, 0.0)), 10.0)[0]
    assert reason.message.startswith("100 of 1,000 arrivals")


def test_failures_and_waits_for_connections_are_explained() -> None:
    notes = what_to_know(Counts(scheduled=100, held=2), {"TIMEOUT": "b", "RESET": "a"})
    assert [note.code for note in notes] == ["RESET", "TIMEOUT", "CONNECTIONS_BUSY"]
    assert notes[2].message.startswith("2% of arrivals")
    assert what_to_know(Counts(scheduled=100, held=1), {}) == ()
    assert what_to_know(Counts(), {}) == ()
