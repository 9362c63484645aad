"""Bytes of the WebSocket protocol; examples from RFC 6455."""

import os
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tensorfleet.gateway.websocket_frames import (
    CloseCode,
    Message,
    MessageReader,
    Opcode,
    ProtocolError,
    accept_key,
    encode_close,
    encode_frame,
    read_close,
)

MAX_BYTES = 100_000


def masked(opcode: int, payload: bytes, *, is_final: bool = True) -> bytes:
    """A frame as a client sends it."""
    plain = encode_frame(Opcode(opcode), payload)
    head = plain[: len(plain) - len(payload)]
    mask = os.urandom(4)
    body = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
    return bytes((is_final << 7 | opcode, head[1] | 0x80)) + head[2:] + mask + body


def test_key_is_answered_as_in_section_1_3() -> None:
    assert accept_key(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize("key", [b"", b"x", b"!!!!", b"dGhlIHNhbXBsZSBub25jZQ"])
def test_wrong_key_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="sixteen bytes"):
        accept_key(key)


def test_frames_are_those_of_section_5_7() -> None:
    hello = bytes.fromhex("818537fa213d7f9f4d5158")
    assert list(MessageReader(MAX_BYTES).feed(hello)) == [Message(Opcode.TEXT, b"Hello")]
    assert encode_frame(Opcode.TEXT, b"Hello") == bytes.fromhex("810548656c6c6f")
    assert encode_frame(Opcode.BINARY, bytes(256))[:4] == bytes.fromhex("827e0100")
    assert encode_frame(Opcode.BINARY, bytes(65536))[:10] == bytes.fromhex("827f0000000000010000")
    pong = bytes.fromhex("8a8537fa213d7f9f4d5158")
    assert list(MessageReader(MAX_BYTES).feed(pong)) == [Message(Opcode.PONG, b"Hello")]


@given(
    st.lists(st.lists(st.binary(max_size=300), min_size=1, max_size=4), max_size=5),
    st.lists(st.integers(1, 400), min_size=1, max_size=20),
)
def test_messages_survive_any_cut_of_the_stream(
    messages: list[list[bytes]], cuts: list[int]
) -> None:
    stream = b""
    for parts in messages:
        for n, part in enumerate(parts):
            stream += masked(0 if n else 1, part, is_final=n == len(parts) - 1)
    reader, found, place, turn = MessageReader(MAX_BYTES), [], 0, 0
    while place < len(stream):
        size = cuts[turn % len(cuts)]
        found += list(reader.feed(stream[place : place + size]))
        place, turn = place + size, turn + 1
    assert found == [Message(Opcode.TEXT, b"".join(parts)) for parts in messages]


@given(st.binary(max_size=200))
def test_any_bytes_are_messages_or_refused(data: bytes) -> None:
    with suppress(ProtocolError):
        for message in MessageReader(100).feed(data):
            assert len(message.payload) <= 125


@pytest.mark.parametrize("size", [125, 126, 65535, 65536])
def test_length_is_written_in_the_shortest_way(size: int) -> None:
    reader = MessageReader(MAX_BYTES)
    assert list(reader.feed(masked(1, b"x" * size))) == [Message(Opcode.TEXT, b"x" * size)]


def test_too_long_message_is_refused_before_it_has_come() -> None:
    with pytest.raises(ProtocolError) as caught:
        list(MessageReader(1000).feed(masked(1, b"x" * 1001)[:8]))
    assert caught.value.code == CloseCode.TOO_LONG


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"", (1005, "")),
        (b"\x03\xe8", (1000, "")),
        (b"\x03\xe8bye", (1000, "bye")),
        (b"\x11\x31", (4401, "")),
    ],
)
def test_close_is_read(payload: bytes, expected: tuple[int, str]) -> None:
    assert read_close(payload) == expected


@pytest.mark.parametrize(
    "payload", [b"\x03", b"\x03\xed", b"\x03\xee", b"\x03\xf7", b"\x00\x01", b"\x03\xe8\xff"]
)
def test_close_that_nobody_may_send_is_refused(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_close(payload)


def test_reason_is_cut_at_a_whole_character() -> None:
    frame = encode_close(1000, "ü" * 100)
    assert frame[1] == len(frame) - 2 <= 125
    assert read_close(frame[2:]) == (1000, "ü" * 61)
