"""A flood of output is told in part: the first lines, the last ones, and how many are missing."""

from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.worker.output_gate import (
    HELD_BYTES,
    LINE_COST_BYTES,
    REFILL_SECONDS,
    OutputAllowance,
    OutputGate,
)

LIMIT = 1024 * 1024
LINE = b"x" * (100 - LINE_COST_BYTES) + b"\n"


def missing(lines: list[str]) -> int:
    return sum(int(line.split()[1].replace(",", "")) for line in lines if "not kept" in line)


def test_output_within_the_allowance_is_told_at_once_and_in_full() -> None:
    gate = OutputGate(OutputAllowance(LIMIT, now=0))
    assert gate.feed(b"a\nb", now=0) == ["a"]
    assert gate.feed(b"c\n", now=0) == ["bc"]
    assert gate.flush() == []


def test_flood_keeps_its_first_and_last_lines_and_counts_the_rest() -> None:
    gate = OutputGate(OutputAllowance(LIMIT, now=0))
    told = [line for n in range(100_000) for line in gate.feed(b"%06d\n" % n, now=0)]
    told += gate.flush()
    assert told[:3] == ["000000", "000001", "000002"]
    assert told[-1] == "099999"
    assert len(told) - 1 + missing(told) == 100_000
    assert sum(len(line) + LINE_COST_BYTES for line in told) < LIMIT + 20 * HELD_BYTES


def test_line_that_is_cut_by_the_end_of_the_allowance_stays_in_order() -> None:
    allowance = OutputAllowance(LIMIT, now=0)
    gate = OutputGate(allowance)
    allowance.take(["x" * 2 * LIMIT], now=0)
    assert gate.feed(b"one\ntw", now=0) == []
    assert gate.feed(b"o\nthree", now=0) == []
    assert gate.flush() == ["one", "two", "three"]


def test_flood_of_one_endless_line_takes_no_more_memory_than_its_held_part() -> None:
    allowance = OutputAllowance(LIMIT, now=0)
    gate = OutputGate(allowance)
    allowance.take(["x" * 2 * LIMIT], now=0)
    for chunk in (b"a\n", *[b"x" * 65_536] * 100, b"\n"):
        assert gate.feed(chunk, now=0) == []
    (note, line) = gate.flush()
    assert missing([note]) == 1
    assert set(line[:1_000]) == {"x"}


def test_allowance_comes_back_and_with_it_the_latest_lines() -> None:
    allowance = OutputAllowance(LIMIT, now=0)
    gate = OutputGate(allowance)
    while gate.feed(LINE * 100, now=0):
        pass
    assert gate.feed(LINE * 100_000, now=1) == []
    told = gate.feed(b"the latest\n", now=REFILL_SECONDS)
    assert "not kept" in told[0]
    assert told[-1] == "the latest"
    assert gate.feed(b"live again\n", now=REFILL_SECONDS) == ["live again"]


def test_streams_share_one_allowance() -> None:
    allowance = OutputAllowance(LIMIT, now=0)
    out, err = OutputGate(allowance), OutputGate(allowance)
    while out.feed(LINE * 100, now=0):
        pass
    assert err.feed(b"error\n", now=0) == []
    assert err.flush() == ["error"]


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=60),
    st.integers(1, 3000),
    st.integers(0, 200),
)
def test_no_line_is_lost_uncounted(sizes: list[int], repeats: int, seconds: int) -> None:
    gate = OutputGate(OutputAllowance(LIMIT, now=0))
    told: list[str] = []
    for number, size in enumerate(sizes):
        told += gate.feed((b"y" * size + b"\n") * repeats, now=number * seconds)
    told += gate.flush()
    notes = [line for line in told if "not kept" in line]
    assert len(told) - len(notes) + missing(notes) == len(sizes) * repeats
