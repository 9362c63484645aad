"""The intended times of every shape."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.kinds.loadtest.arrivals import (
    Arrivals,
    Closed,
    Constant,
    Poisson,
    Ramp,
    Replay,
    Spike,
    Staircase,
)
from tensorfleet.kinds.loadtest.engine.schedule import (
    NANOSECONDS,
    Offsets,
    arrival_offsets,
    duration_seconds,
)
from tensorfleet.shared.errors import InvalidInput

NOWHERE = Path("/nonexistent")

rates = st.floats(min_value=0.5, max_value=3000.0)
spans = st.floats(min_value=0.01, max_value=4.0)
shapes = st.one_of(
    st.builds(Constant, rate=rates, duration_seconds=spans),
    st.builds(Poisson, rate=rates, duration_seconds=spans, seed=st.integers(0, 9)),
    st.builds(Ramp, from_rate=rates, to_rate=rates, duration_seconds=spans),
    st.builds(
        Staircase, from_rate=rates, step_rate=rates, steps=st.integers(1, 4), step_seconds=spans
    ),
    st.builds(
        Spike,
        base_rate=rates,
        peak_rate=rates,
        before_seconds=spans,
        peak_seconds=spans,
        after_seconds=spans,
    ),
)


def seconds_of(arrivals: Arrivals, folder: Path = NOWHERE) -> list[float]:
    pieces = [piece for _, piece in arrival_offsets(arrivals, folder)]
    return [] if not pieces else (np.concatenate(pieces) / NANOSECONDS).tolist()


def counted(seconds: list[float], start: float, end: float) -> int:
    return sum(start <= second < end for second in seconds)


@given(shapes, st.integers(1, 7))
def test_generators_together_send_exactly_the_sequence(shape: Arrivals, count: int) -> None:
    whole = [piece for _, piece in arrival_offsets(shape, NOWHERE)]
    expected = np.concatenate(whole).tolist() if whole else []
    found: dict[int, int] = {}
    for index in range(count):
        for first, piece in arrival_offsets(shape, NOWHERE, index=index, count=count):
            for place, offset in enumerate(piece.tolist()):
                number = first + place * count
                assert number not in found
                found[number] = offset
    assert [found[number] for number in sorted(found)] == expected
    assert sorted(found) == list(range(len(expected)))


@given(shapes)
def test_times_ascend_and_lie_within_the_duration(shape: Arrivals) -> None:
    times = seconds_of(shape)
    assert times == sorted(times)
    assert all(0 <= time <= duration_seconds(shape, NOWHERE) + 1e-9 for time in times)


def test_constant_arrivals_are_evenly_spaced_from_the_start() -> None:
    times = seconds_of(Constant(rate=1000.0, duration_seconds=10.0))
    assert len(times) == 10_000
    assert times[0] == 0.0
    assert np.diff(times) == pytest.approx(0.001, abs=2e-9)


def test_a_tenth_a_second_for_thirty_seconds_are_three() -> None:
    assert seconds_of(Constant(rate=0.1, duration_seconds=30.0)) == [0.0, 10.0, 20.0]


def test_poisson_arrivals_have_exponential_gaps_of_the_asked_mean() -> None:
    times = seconds_of(Poisson(rate=1000.0, duration_seconds=100.0, seed=7))
    gaps = np.diff(times)
    assert len(times) == pytest.approx(100_000, rel=0.02)
    assert gaps.mean() == pytest.approx(0.001, rel=0.02)
    assert gaps.std() == pytest.approx(0.001, rel=0.03)
    assert (gaps > 0.001).mean() == pytest.approx(np.exp(-1), rel=0.03)


def test_a_seed_makes_poisson_arrivals_again() -> None:
    def times(seed: int) -> list[float]:
        return seconds_of(Poisson(rate=50.0, duration_seconds=5.0, seed=seed))

    assert times(3) == times(3) != times(4)


@pytest.mark.parametrize(("low", "high"), [(0.0, 200.0), (200.0, 0.0), (50.0, 50.0), (99.9, 100.0)])
def test_a_ramp_has_as_many_arrivals_as_the_area_below_it(low: float, high: float) -> None:
    times = seconds_of(Ramp(from_rate=low, to_rate=high, duration_seconds=10.0))
    for end in (1.0, 2.5, 5.0, 7.5, 10.0):
        area = low * end + (high - low) * end * end / 20.0
        assert abs(counted(times, 0.0, end) - area) <= 1.0


def test_a_staircase_keeps_each_rate_for_its_step() -> None:
    shape = Staircase(from_rate=10.0, step_rate=20.0, steps=3, step_seconds=2.0)
    times = seconds_of(shape)
    assert [counted(times, 2 * step, 2 * step + 2) for step in range(3)] == [20, 60, 100]
    assert duration_seconds(shape, NOWHERE) == 6.0


def test_a_spike_stands_in_the_middle() -> None:
    shape = Spike(
        base_rate=10.0, peak_rate=500.0, before_seconds=2.0, peak_seconds=1.0, after_seconds=3.0
    )
    times = seconds_of(shape)
    assert [counted(times, *part) for part in ((0, 2), (2, 3), (3, 6))] == [20, 500, 30]
    assert duration_seconds(shape, NOWHERE) == 6.0


def replay(folder: Path, text: str, speed: float = 1.0) -> Replay:
    (folder / "times.txt").write_text(text)
    return Replay(file="times.txt", speed=speed)


def test_recorded_times_are_replayed_from_the_first_one(tmp_path: Path) -> None:
    shape = replay(tmp_path, "1700000000.5\n\n1700000000.5\n1700000002.5\n", speed=2.0)
    assert seconds_of(shape, tmp_path) == pytest.approx([0.0, 0.0, 1.0])
    assert duration_seconds(shape, tmp_path) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no times"),
        ("\n \n", "no times"),
        ("0\nsoon\n", "line 2 of times.txt"),
        ("0\n2\n1\n", "line 3 of times.txt"),
        ("0\ninf\n", "line 2"),
        ("nan\n", "line 1"),
        ("0\n1e300\n", "over a year"),
        ("0\né\n", "cannot be read"),
    ],
)
def test_a_recording_that_is_wrong_is_refused_with_its_line(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        seconds_of(replay(tmp_path, text), tmp_path)


def test_a_recording_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"none.txt"):
        seconds_of(Replay(file="none.txt"), tmp_path)


def test_a_closed_loop_has_no_times() -> None:
    with pytest.raises(ValueError, match="no intended times"):
        seconds_of(Closed(users=1, duration_seconds=1.0))


def pieces_of_a_month(shape: Arrivals) -> Iterator[Offsets]:
    return (piece for _, piece in islice(arrival_offsets(shape, NOWHERE), 50))


@pytest.mark.parametrize(
    "shape",
    [
        Constant(rate=1e6, duration_seconds=2e6),
        Poisson(rate=1e6, duration_seconds=2e6),
        Ramp(from_rate=1.0, to_rate=1e6, duration_seconds=2e6),
    ],
)
def test_a_month_of_load_is_made_piece_by_piece(shape: Arrivals) -> None:
    assert max(piece.size for piece in pieces_of_a_month(shape)) <= 4096
