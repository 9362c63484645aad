"""Output becomes lines with bounded memory."""

from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.worker.output_lines import CUT_MARK, MAX_LINE_BYTES, LineSplitter


def split(*chunks: bytes) -> list[str]:
    splitter = LineSplitter()
    return [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.flush()


def test_lines_across_chunks_are_joined() -> None:
    assert split(b"ab", b"c\nd", b"\n", b"e") == ["abc", "d", "e"]


def test_bytes_that_are_no_utf8_are_shown_as_replaced() -> None:
    assert split(b"\xff\xfeok\n") == ["��ok"]


def test_progress_bar_shows_its_last_state() -> None:
    assert split(b"10%\r50%\r100%\n", b"dos\r\n") == ["100%", "dos"]


def test_endless_line_is_cut_and_takes_no_more_memory() -> None:
    splitter = LineSplitter()
    for _ in range(1000):
        assert splitter.feed(b"x" * 4096) == []
    (line,) = splitter.feed(b"\n")
    assert line == "x" * MAX_LINE_BYTES + CUT_MARK
    assert splitter.feed(b"next\n") == ["next"]


@given(st.lists(st.text(alphabet="ab é", max_size=20), max_size=20), st.integers(1, 7))
def test_any_chunking_gives_the_same_lines(lines: list[str], size: int) -> None:
    data = "".join(f"{line}\n" for line in lines).encode()
    assert split(*(data[i : i + size] for i in range(0, len(data), size))) == lines
