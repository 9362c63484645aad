"""Histograms beside HdrHistogram's own."""

import base64
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.kinds.loadtest.histogram import HIGHEST, NANOSECONDS, Histogram, merged
from tensorfleet.shared.errors import InvalidInput

durations = st.lists(st.integers(min_value=0, max_value=HIGHEST), max_size=60)


def histogram_of(values: list[int]) -> Histogram:
    histogram = Histogram()
    histogram.record(values)
    return histogram


def peer_of(values: list[int]) -> HdrHistogram:
    peer = HdrHistogram(1, HIGHEST, 3)
    for value in values:
        peer.record_value(value)
    return peer


def spread(count: int, seed: int = 1) -> list[int]:
    found: list[int] = np.random.default_rng(seed).lognormal(14, 2, count).astype(np.int64).tolist()
    return found


@given(durations)
def test_the_peer_reads_the_same_counts_from_our_text(values: list[int]) -> None:
    histogram = histogram_of(values)
    if not values:
        assert histogram.encode() == ""
        return
    peer = HdrHistogram.decode(histogram.encode())
    assert peer.get_total_count() == len(values)
    theirs = peer_of(values)
    for place in np.flatnonzero(histogram.counts).tolist():
        assert theirs.get_count_at_index(place) == histogram.counts[place]
        assert peer.get_count_at_index(place) == histogram.counts[place]


@given(durations)
def test_we_read_the_peers_text(values: list[int]) -> None:
    text = peer_of(values).encode()
    assert Histogram.decode(text.decode()) == histogram_of(values)


def test_the_texts_are_the_same_byte_for_byte_inside() -> None:
    values = spread(5_000)
    ours = zlib.decompress(base64.b64decode(histogram_of(values).encode())[8:])
    theirs = zlib.decompress(base64.b64decode(peer_of(values).encode())[8:])
    assert ours[40:] == theirs[40:]
    assert ours[:20] == theirs[:20]


@pytest.mark.parametrize("percent", [0.0, 50.0, 90.0, 99.0, 99.9, 100.0])
def test_percentiles_are_those_of_the_peer(percent: float) -> None:
    values = spread(10_000)  # of which each of these percentages is a whole number
    theirs = peer_of(values).get_value_at_percentile(percent)
    assert histogram_of(values).percentile(percent) == theirs / NANOSECONDS


@given(durations.filter(bool), st.floats(min_value=0.0, max_value=100.0))
def test_a_percentile_is_the_nearest_rank_to_a_thousandth(
    values: list[int], percent: float
) -> None:
    rank = max(1, int(np.ceil(percent / 100 * len(values) - 1e-9)))
    exact = sorted(values)[rank - 1]
    found = histogram_of(values).percentile(percent)
    assert found is not None
    assert exact <= round(found * NANOSECONDS) <= exact * 1.001 + 1


def test_99_999_percent_of_a_million_is_told_apart() -> None:
    histogram = Histogram()
    histogram.record(np.full(999_990, 1_000_000))
    histogram.record(np.full(10, 50_000_000))
    assert histogram.percentile(99.999) == pytest.approx(0.001, rel=1e-3)
    assert histogram.percentile(99.9991) == pytest.approx(0.05, rel=1e-3)


def test_an_empty_histogram_has_no_figures() -> None:
    empty = Histogram()
    assert (empty.percentile(50), empty.mean, empty.minimum, empty.maximum) == (None,) * 4
    assert empty.total == 0
    assert Histogram.decode("") == empty


def test_durations_out_of_range_count_at_its_ends() -> None:
    histogram = histogram_of([-5, 2**60])
    assert histogram.total == 2
    assert histogram.minimum == 0.0
    assert histogram.maximum == pytest.approx(HIGHEST / NANOSECONDS, rel=0.001)


def test_the_mean_is_that_of_the_values_to_a_thousandth() -> None:
    values = spread(2_000)
    assert histogram_of(values).mean == pytest.approx(np.mean(values) / NANOSECONDS, rel=1e-3)


def test_eight_merged_are_exactly_one() -> None:
    values = spread(8_000)
    parts = [histogram_of(values[index::8]) for index in range(8)]
    whole = histogram_of(values)
    assert merged([part.encode() for part in parts]) == whole
    added = Histogram()
    for part in parts:
        added.add_sparse(part.sparse())
    assert added == whole
    assert added.encode() == whole.encode()


@pytest.mark.parametrize("data", [b"x", b"\xff" * 12, b"\x00" * 13])
def test_bytes_that_are_no_buckets_are_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="buckets"):
        Histogram().add_sparse(data)


def written(payload: bytes, cookie: int = 0x1C849313, size: int | None = None) -> str:
    size = len(payload) if size is None else size
    inner = struct.pack(">iiiiqqd", cookie, size, 0, 3, 1, HIGHEST, 1.0)
    packed = zlib.compress(inner + payload)
    return base64.b64encode(struct.pack(">ii", 0x1C849314, len(packed)) + packed).decode()


GOOD = histogram_of(spread(100)).encode()


@pytest.mark.parametrize(
    "text",
    [
        "not base64!",
        "QUJD",
        GOOD[:-40],
        base64.b64encode(base64.b64decode(GOOD)[:30]).decode(),
        written(b"\x02", cookie=0x1C849312),
        written(b"\x80"),
        written(b"\x02", size=99),
        written(b"\x02", size=-1),
        # Jumps behind the last bucket; a count that is no number of 64 bits.
        written(b"\xff" * 9 + b"\x02"),
        written(b"\xfe" + b"\xff" * 8),
        base64.b64encode(struct.pack(">ii", 0x1C849314, 9) + zlib.compress(b"0" * 10**7)).decode(),
    ],
)
def test_texts_that_are_no_histograms_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Histogram.decode(text)


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(payload: bytes) -> None:
    for text in (written(payload), base64.b64encode(payload).decode()):
        with suppress(InvalidInput):
            Histogram.decode(text)
