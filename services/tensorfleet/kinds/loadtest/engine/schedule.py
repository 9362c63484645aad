"""The intended times of arrivals, made piece by piece so that a day of load needs no more memory
than a second of it.

Each generator makes the whole sequence and takes every Nth arrival of it: together they send
exactly the sequence that was asked for, and each sends as evenly as possible.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

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
from tensorfleet.shared.errors import InvalidInput

NANOSECONDS = 1_000_000_000
# Arrivals that are made at a time: few, as those that are due meanwhile have to wait.
_PIECE = 256
# Of a replay; nanoseconds of much more would not fit.
_MOST_SECONDS = 366 * 86_400.0

Offsets = npt.NDArray[np.int64]
"""Nanoseconds from the start, ascending."""


def arrival_offsets(
    arrivals: Arrivals, folder: Path, *, index: int = 0, count: int = 1
) -> Iterator[tuple[int, Offsets]]:
    """This generator's arrivals, in pieces.

    Args:
        folder: Where a replayed file is.
        index: Of this generator, from 0, among `count`.

    Yields:
        The number in the whole sequence of the piece's first arrival, and the offsets; the
        numbers of a piece are `count` apart. Pieces are not empty.

    Raises:
        InvalidInput: A replayed file is missing or wrong.
    """
    first = 0
    for piece in _sequence(arrivals, folder):
        start = (index - first) % count
        mine = piece[start::count]
        if mine.size:
            yield first + start, mine
        first += piece.size


def duration_seconds(arrivals: Arrivals, folder: Path) -> float:
    """How long arrivals go on.

    Raises:
        InvalidInput: A replayed file is missing or wrong.
    """
    match arrivals:
        case Staircase():
            return arrivals.steps * arrivals.step_seconds
        case Spike():
            return arrivals.before_seconds + arrivals.peak_seconds + arrivals.after_seconds
        case Replay():
            last = 0.0
            for piece in _replayed(arrivals, folder):
                last = float(piece[-1]) / NANOSECONDS
            return last
        case _:
            return arrivals.duration_seconds


def _sequence(arrivals: Arrivals, folder: Path) -> Iterator[Offsets]:
    match arrivals:
        case Constant():
            yield from _even(arrivals.rate, arrivals.duration_seconds)
        case Poisson():
            yield from _poisson(arrivals)
        case Ramp():
            yield from _ramp(arrivals)
        case Staircase():
            for step in range(arrivals.steps):
                rate = arrivals.from_rate + step * arrivals.step_rate
                yield from _even(rate, arrivals.step_seconds, step * arrivals.step_seconds)
        case Spike():
            before, peak = arrivals.before_seconds, arrivals.peak_seconds
            yield from _even(arrivals.base_rate, before)
            yield from _even(arrivals.peak_rate, peak, before)
            yield from _even(arrivals.base_rate, arrivals.after_seconds, before + peak)
        case Replay():
            yield from _replayed(arrivals, folder)
        case Closed():
            raise ValueError("a closed loop has no intended times")


def _even(rate: float, duration: float, after: float = 0.0) -> Iterator[Offsets]:
    total = _whole(rate * duration)
    for numbers in _numbers(total):
        yield _nanoseconds(after + numbers / rate)


def _poisson(arrivals: Poisson) -> Iterator[Offsets]:
    generator = np.random.default_rng(arrivals.seed)
    end = arrivals.duration_seconds
    last = 0.0
    while last < end:
        times = last + np.cumsum(generator.exponential(1.0 / arrivals.rate, _PIECE))
        last = float(times[-1])
        inside = times[times < end]
        if inside.size:
            yield _nanoseconds(inside)


def _ramp(arrivals: Ramp) -> Iterator[Offsets]:
    """Arrival k is where the integral of the rate, a + (b - a) t / d, reaches k."""
    a, b, d = arrivals.from_rate, arrivals.to_rate, arrivals.duration_seconds
    slope = (b - a) / d
    for numbers in _numbers(_whole((a + b) / 2 * d)):
        if slope == 0:
            yield _nanoseconds(numbers / a)
        else:
            # The usual formula's other form, which loses no digits where the slope is slight.
            root = np.sqrt(np.maximum(a * a + 2 * slope * numbers, 0.0))
            yield _nanoseconds(2 * numbers / np.maximum(a + root, 1e-300))


def _replayed(arrivals: Replay, folder: Path) -> Iterator[Offsets]:
    path = folder / arrivals.file
    try:
        with path.open(encoding="ascii") as lines:
            yield from _replayed_lines(arrivals, lines)
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidInput(
            f"the arrivals to replay cannot be read: {arrivals.file}: {exc}"
        ) from exc


def _replayed_lines(arrivals: Replay, lines: Iterator[str]) -> Iterator[Offsets]:
    start: float | None = None
    last = 0.0
    piece: list[float] = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        try:
            time = float(text)
        except ValueError:
            time = float("nan")
        start = time if start is None else start
        if not last <= time - start < float("inf"):
            message = f"line {number} of {arrivals.file} is no time, or earlier than the one before"
            raise InvalidInput(f"{message}: {text[:40]!r}")
        last = time - start
        if last / arrivals.speed > _MOST_SECONDS:
            raise InvalidInput(f"line {number} of {arrivals.file} is over a year after the first")
        piece.append(last / arrivals.speed)
        if len(piece) == _PIECE:
            yield _nanoseconds(np.array(piece))
            piece.clear()
    if piece:
        yield _nanoseconds(np.array(piece))
    if start is None:
        raise InvalidInput(f"{arrivals.file} has no times to replay")


def _whole(amount: float) -> int:
    # 0.1 × 30 is three arrivals, whatever floats make of it.
    return int(amount + 1e-9 * max(1.0, amount))


def _numbers(total: int) -> Iterator[npt.NDArray[np.float64]]:
    for first in range(0, total, _PIECE):
        yield np.arange(first, min(first + _PIECE, total), dtype=np.float64)


def _nanoseconds(seconds: npt.NDArray[np.float64]) -> Offsets:
    return np.round(seconds * NANOSECONDS).astype(np.int64)
