"""Bodies, however their bytes are cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.kinds.loadtest.engine.http_body import BodyReader, BodyTooLarge
from tensorfleet.kinds.loadtest.engine.http_head import CHUNKED, UNTIL_CLOSE, BadAnswer

LIMIT = 10_000

cuts = st.lists(st.integers(min_value=1, max_value=40), max_size=80)


def chunked(pieces: list[bytes], extension: bytes, trailers: int) -> bytes:
    body = b"".join(b"%X%s\r\n%s\r\n" % (len(p), extension, p) for p in pieces)
    return body + b"0\r\n" + b"Trailer: 1\r\n" * trailers + b"\r\n"


def fed(reader: BodyReader, data: bytes, sizes: list[int]) -> bytes:
    """Feeds in pieces of these sizes, then the rest; returns what comes after the body."""
    rest = b""
    place = 0
    for size in [*sizes, len(data)]:
        piece = data[place : place + size]
        place += size
        if reader.is_complete:
            rest += piece
        elif piece:
            rest += reader.feed(piece)
    return rest


@given(
    st.lists(st.binary(min_size=1, max_size=50), max_size=6),
    st.sampled_from([b"", b";a=b", b" ;x", b'; q="1"']),
    st.integers(0, 2),
    st.binary(max_size=20),
    cuts,
)
def test_chunks_give_the_same_body_and_rest_however_they_are_cut(
    pieces: list[bytes], extension: bytes, trailers: int, rest: bytes, sizes: list[int]
) -> None:
    reader = BodyReader(CHUNKED, LIMIT)
    assert fed(reader, chunked(pieces, extension, trailers) + rest, sizes) == rest
    assert reader.is_complete
    assert reader.data == b"".join(pieces)


@given(st.binary(min_size=1, max_size=200), st.binary(max_size=20), cuts)
def test_a_body_of_known_length_ends_there(body: bytes, rest: bytes, sizes: list[int]) -> None:
    reader = BodyReader(len(body), LIMIT)
    assert fed(reader, body + rest, sizes) == rest
    assert reader.is_complete
    assert reader.data == body


@given(st.binary(max_size=200), cuts)
def test_a_body_until_the_end_is_all_that_came(body: bytes, sizes: list[int]) -> None:
    reader = BodyReader(UNTIL_CLOSE, LIMIT)
    assert fed(reader, body, sizes) == b""
    assert not reader.is_complete
    assert reader.ended()
    assert reader.data == body


def test_a_body_that_is_cut_off_has_not_ended() -> None:
    for length, data in ((5, b"abc"), (CHUNKED, b"5\r\nabc"), (CHUNKED, b"3\r\nabc\r\n0\r\n")):
        reader = BodyReader(length, LIMIT)
        reader.feed(data)
        assert not reader.ended()


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n",
        b"x\r\n",
        b"-1\r\n",
        b"0x5\r\nabcde\r\n",
        b"1_0\r\n",
        b"+5\r\n",
        b"5\r\nabcdefg\r\n",
        b"f" * 17 + b"\r\n",
        b"1" * 9000,
        b"0\r\n" + b"t" * 9000,
    ],
)
def test_wrong_chunks_are_refused(data: bytes) -> None:
    with pytest.raises(BadAnswer):
        BodyReader(CHUNKED, 2**62).feed(data)


def test_a_body_over_the_limit_is_refused_as_soon_as_that_is_known() -> None:
    with pytest.raises(BodyTooLarge):
        BodyReader(11, 10)
    with pytest.raises(BodyTooLarge):
        BodyReader(CHUNKED, 10).feed(b"B\r\n")
    with pytest.raises(BodyTooLarge):
        BodyReader(CHUNKED, 10).feed(b"9\r\n123456789\r\n2\r\n")
    with pytest.raises(BodyTooLarge):
        BodyReader(UNTIL_CLOSE, 10).feed(b"x" * 11)
    assert BodyReader(10, 10).feed(b"x" * 10) == b""
