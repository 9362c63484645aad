"""Durations counted in buckets of constant relative width: exact to merge, of bounded size.

The layout and the written form are those of HdrHistogram (G. Tene, hdrhistogram.org; format V2):
with three significant digits every value is known to a thousandth of itself. Merging adds counts,
so the percentiles of merged histograms are those of all values together.
"""

import base64
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tensorfleet.shared.errors import InvalidInput

SIGNIFICANT_DIGITS = 3
# Values below are told apart one by one; above, each doubling has half as many buckets.
_SUB_BUCKETS = 2048
_HALF = _SUB_BUCKETS // 2
_HALF_BITS = 10
HIGHEST = 2**47 - 1
"""Nanoseconds: 39 hours. Longer durations count as this."""
_LENGTH = (47 - 11 + 2) * _HALF
NANOSECONDS = 1_000_000_000

_COOKIE = 0x1C849303 | 0x10
_COMPRESSED_COOKIE = 0x1C849304 | 0x10
# Cookie, length of the payload, normalizing offset, digits, lowest and highest value, ratio.
_HEADER = struct.Struct(">iiiiqqd")
_OUTER_HEADER = struct.Struct(">ii")
_MAX_ENCODED_BYTES = 1024 * 1024
_MOST_COUNTED = 2**47

Counts = npt.NDArray[np.int64]


class Histogram:
    """Counts of durations in nanoseconds."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts: Counts = np.zeros(_LENGTH, dtype=np.int64)
        """By bucket."""

    def record(self, nanoseconds: Sequence[int] | npt.NDArray[Any]) -> None:
        """Counts durations; negative ones count as 0."""
        values = np.asarray(nanoseconds, dtype=np.int64)
        if values.size:
            np.add.at(self.counts, _buckets(values), 1)

    @staticmethod
    def record_each(pairs: Sequence[tuple["Histogram", npt.NDArray[np.int64]]]) -> None:
        """Counts durations in several histograms: for few of each quicker than one by one."""
        places = _buckets(np.concatenate([values for _, values in pairs]))
        start = 0
        for histogram, values in pairs:
            np.add.at(histogram.counts, places[start : start + values.size], 1)
            start += values.size

    def merge(self, other: "Histogram") -> None:
        """Adds another's counts."""
        self.counts += other.counts

    @property
    def total(self) -> int:
        """How many durations were counted."""
        return int(self.counts.sum())

    def percentile(self, percent: float) -> float | None:
        """The duration in seconds that `percent` of all do not exceed; None without any.

        As HdrHistogram does: the highest value that counts as equal to that of the nearest rank.
        """
        return self.percentiles((percent,))[0]

    def percentiles(self, percents: Sequence[float]) -> list[float | None]:
        """Several at once, in seconds."""
        sums = np.cumsum(self.counts)
        total = int(sums[-1])
        if total == 0:
            return [None] * len(percents)
        # 99.9 % of 1,000 is the 999th, however floats have it.
        ranks = [max(1, int(np.ceil(p / 100.0 * total - 1e-9 * total / 100.0))) for p in percents]
        places = np.searchsorted(sums, np.minimum(ranks, total))
        return [float(value) / NANOSECONDS for value in _highest_of(places)]

    @property
    def mean(self) -> float | None:
        """In seconds, of the buckets' middles; None without any."""
        used = np.flatnonzero(self.counts)
        if used.size == 0:
            return None
        counts = self.counts[used]
        middles = (_lowest_of(used) + _highest_of(used)) / 2
        return float((middles * counts).sum() / counts.sum()) / NANOSECONDS

    @property
    def minimum(self) -> float | None:
        """In seconds: the lower edge of the lowest bucket; None without any."""
        used = np.flatnonzero(self.counts)
        return float(_lowest_of(used[:1])[0]) / NANOSECONDS if used.size else None

    @property
    def maximum(self) -> float | None:
        """In seconds: the upper edge of the highest bucket; None without any."""
        used = np.flatnonzero(self.counts)
        return float(_highest_of(used[-1:])[0]) / NANOSECONDS if used.size else None

    def bars(self) -> tuple[npt.NDArray[np.float64], Counts]:
        """Middles in seconds and counts of the buckets that have any, ascending."""
        used = np.flatnonzero(self.counts)
        middles = (_lowest_of(used) + _highest_of(used)) / 2 / NANOSECONDS
        return middles, self.counts[used]

    def clear(self) -> None:
        """Forgets all."""
        self.counts.fill(0)

    def sparse(self) -> bytes:
        """The buckets in use and their counts: quick to write and to add, for use at once."""
        used = np.flatnonzero(self.counts)
        return used.astype("<u4").tobytes() + self.counts[used].astype("<i8").tobytes()

    def add_sparse(self, data: bytes) -> None:
        """Adds what `sparse` wrote.

        Raises:
            InvalidInput: It is not that.
        """
        size = len(data) // 12
        places = np.frombuffer(data[: 4 * size], dtype="<u4")
        counts = np.frombuffer(data[4 * size : 12 * size], dtype="<i8")
        if len(data) != 12 * size or (size and int(places.max()) >= _LENGTH):
            raise InvalidInput("the bytes are not a histogram's buckets")
        self.counts[places] += counts

    def encode(self) -> str:
        """HdrHistogram's compressed form (V2) in base64; empty for one without counts."""
        used = np.flatnonzero(self.counts)
        if used.size == 0:
            return ""
        payload = bytearray()
        expected = 0
        for place in used.tolist():
            if place > expected:
                _write_varint(payload, expected - place)  # so many empty ones
            _write_varint(payload, int(self.counts[place]))
            expected = place + 1
        header = _HEADER.pack(_COOKIE, len(payload), 0, SIGNIFICANT_DIGITS, 1, HIGHEST, 1.0)
        packed = zlib.compress(header + bytes(payload))
        return base64.b64encode(
            _OUTER_HEADER.pack(_COMPRESSED_COOKIE, len(packed)) + packed
        ).decode()

    @classmethod
    def decode(cls, text: str) -> "Histogram":
        """What `encode` wrote; also any other HdrHistogram V2 of this layout.

        Raises:
            InvalidInput: It is not one.
        """
        histogram = cls()
        if not text:
            return histogram
        try:
            raw = base64.b64decode(text, validate=True)
            cookie, length = _OUTER_HEADER.unpack_from(raw)
            unpacking = zlib.decompressobj()
            body = unpacking.decompress(
                raw[_OUTER_HEADER.size : _OUTER_HEADER.size + length], _MAX_ENCODED_BYTES
            )
            inner, size, _, digits, lowest, _, _ = _HEADER.unpack_from(body)
            is_ours = (cookie, inner, digits, lowest) == (
                _COMPRESSED_COOKIE,
                _COOKIE,
                SIGNIFICANT_DIGITS,
                1,
            )
            if not is_ours:
                raise InvalidInput("the text is not a histogram of this layout")
            if not unpacking.eof or len(body) != _HEADER.size + size:
                raise InvalidInput("the text is not a whole histogram")
            _read_counts(body[_HEADER.size :], histogram.counts)
        except (ValueError, IndexError, OverflowError, struct.error, zlib.error) as exc:
            raise InvalidInput(f"the text is not an HdrHistogram: {exc}") from exc
        return histogram

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and bool(np.array_equal(self.counts, other.counts))

    __hash__ = None  # type: ignore[assignment]  # it changes


def merged(texts: Sequence[str]) -> Histogram:
    """The sum of written histograms."""
    total = Histogram()
    for text in texts:
        total.merge(Histogram.decode(text))
    return total


def _buckets(values: Counts) -> Counts:
    values = np.clip(values, 0, HIGHEST)
    # The exponent that frexp gives is the bit length; the values are exact in a double.
    bits = np.frexp((values | (_SUB_BUCKETS - 1)).astype(np.float64))[1].astype(np.int64)
    shift = bits - (_HALF_BITS + 1)
    places: Counts = (shift << _HALF_BITS) + (values >> shift)
    return places


def _lowest_of(places: Counts) -> Counts:
    shift = np.maximum((places >> _HALF_BITS) - 1, 0)
    within = np.where(places < _SUB_BUCKETS, places, (places & (_HALF - 1)) + _HALF)
    lowest: Counts = within << shift
    return lowest


def _highest_of(places: Counts) -> Counts:
    shift = np.maximum((places >> _HALF_BITS) - 1, 0)
    highest: Counts = _lowest_of(places) + (np.int64(1) << shift) - 1
    return highest


def _write_varint(target: bytearray, value: int) -> None:
    """Zigzag, then seven bits a byte; the ninth byte holds eight."""
    number = (value << 1) ^ (value >> 63)
    for _ in range(8):
        if number < 0x80:
            target.append(number)
            return
        target.append((number & 0x7F) | 0x80)
        number >>= 7
    target.append(number & 0xFF)


def _read_counts(body: bytes, counts: Counts) -> None:
    place = at = 0
    while at < len(body):
        number = shift = 0
        for index in range(9):
            byte = body[at]
            at += 1
            number |= (byte if index == 8 else byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        value = (number >> 1) ^ -(number & 1)
        if value > _MOST_COUNTED:
            raise ValueError("a bucket has more counts than can be added up")
        if value < 0:
            place -= value
        else:
            counts[place] = value
            place += 1
