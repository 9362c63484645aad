"""Output of many tasks in one pipe is parted where the marks are, wherever chunks end."""

import pytest

from tensorfleet.worker.host_frames import MARK_NUMBER
from tensorfleet.worker.host_output import MarkedLines

TOKEN = b"0123456789abcdef"


def mark(number: int) -> bytes:
    return b"\0" + TOKEN + MARK_NUMBER.pack(number)


STREAM = b"a\nb" + mark(1) + mark(2) + b"\0c\n" + mark(3) + b"rest\n\0"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 26, 1000])
def test_lines_belong_to_the_mark_that_follows_them(size: int) -> None:
    marked = MarkedLines(TOKEN)
    found: dict[int, list[str]] = {}
    waiting: list[str] = []
    for start in range(0, len(STREAM), size):
        ended, rest = marked.feed(STREAM[start : start + size])
        for number, lines in ended:
            found[number] = waiting + lines
            waiting = []
        waiting += rest
    assert found == {1: ["a", "b"], 2: [], 3: ["\0c"]}
    assert waiting == ["rest"]
    assert marked.flush() == ["\0"]


def test_number_may_look_like_the_begin_of_a_mark() -> None:
    marked = MarkedLines(TOKEN)
    ended, rest = marked.feed(b"x" + mark(0) + b"y\n" + mark(1))
    assert (ended, rest) == ([(0, ["x"]), (1, ["y"])], [])
