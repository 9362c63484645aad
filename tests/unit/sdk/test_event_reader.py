"""Frames of an event stream."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.sdk.event_reader import parse_frame, split_frames

STREAM = (
    b"retry: 1000\n\n"
    b": keep-alive\n\n"
    b'id: 1\nevent: log\ndata: {"lines":["a\xe2\x80\xa8b","c\xc2\x85d"]}\n\n'
    b"id: 22\nevent: x\ndata: {}\n\n"
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=8))
def test_frames_do_not_depend_on_where_chunks_end(cuts: list[int]) -> None:
    edges = sorted({0, len(STREAM), *cuts})
    chunks = (STREAM[start:end] for start, end in pairwise(edges))
    frames = list(split_frames(chunks))
    assert [parse_frame(frame)[0] for frame in frames] == [None, None, 1, 22]
    assert parse_frame(frames[2])[1].decode() == '{"lines":["a\u2028b","c\u0085d"]}'


def test_line_ends_of_other_servers_are_understood() -> None:
    crlf = STREAM.replace(b"\n", b"\r\n")
    assert list(split_frames(iter([crlf]))) == list(split_frames(iter([STREAM])))


def test_cut_frame_is_not_given() -> None:
    assert list(split_frames(iter([STREAM[:-1]]))) == list(split_frames(iter([STREAM])))[:-1]


def test_data_of_several_lines_is_joined() -> None:
    assert parse_frame(b"data: a\ndata:b\nid: 3") == (3, b"a\nb")


def test_rubbish_is_no_event() -> None:
    assert parse_frame(b"id: x\nhello\n::\ndata") == (None, b"")
