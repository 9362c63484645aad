"""The WebSocket protocol's bytes (RFC 6455), server side, without extensions; no I/O."""

import base64
import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

_ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_BYTES = 16
_MAX_CONTROL_BYTES = 125


class Opcode(IntEnum):
    """What a frame is (section 5.2)."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class CloseCode(IntEnum):
    """Why a connection ends (section 7.4.1); from 4000 on, our own."""

    NORMAL = 1000
    PROTOCOL_ERROR = 1002
    UNSUPPORTED = 1003
    NO_STATUS = 1005
    ABNORMAL = 1006
    INVALID_DATA = 1007
    TOO_LONG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    UNAUTHENTICATED = 4401
    SLOW_READER = 4408


class ProtocolError(Exception):
    """The other side does not keep to the protocol, or sends too much."""

    def __init__(self, code: CloseCode, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message: TEXT or BINARY put together, or a control frame."""

    opcode: Opcode
    payload: bytes


def accept_key(key: bytes) -> bytes:
    """What answers `Sec-WebSocket-Key` (section 4.2.2).

    Raises:
        ValueError: It is not sixteen bytes in base 64.
    """
    try:
        is_key = len(base64.b64decode(key, validate=True)) == _KEY_BYTES
    except binascii.Error:
        is_key = False
    if not is_key:
        raise ValueError("Sec-WebSocket-Key is not sixteen bytes in base 64")
    # The protocol says SHA-1; it protects nothing here.
    return base64.b64encode(hashlib.sha1(key + _ACCEPT_SUFFIX, usedforsecurity=False).digest())


def encode_frame(opcode: Opcode, payload: bytes) -> bytes:
    """A final frame as a server sends it: not masked."""
    size = len(payload)
    if size <= _MAX_CONTROL_BYTES:
        head = bytes((0x80 | opcode, size))
    elif size < 1 << 16:
        head = bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big")
    return head + payload


def encode_close(code: int, reason: str) -> bytes:
    """A close frame; a reason that is too long is cut."""
    text = reason.encode()[: _MAX_CONTROL_BYTES - 2].decode(errors="ignore").encode()
    return encode_frame(Opcode.CLOSE, code.to_bytes(2, "big") + text)


def read_close(payload: bytes) -> tuple[int, str]:
    """Code and reason of a close frame.

    Raises:
        ProtocolError: The code may not be sent, or the reason is not UTF-8.
    """
    if not payload:
        return CloseCode.NO_STATUS, ""
    code = int.from_bytes(payload[:2], "big")
    may_be_sent = 1000 <= code <= 1014 and code not in (1004, 1005, 1006)
    if len(payload) < 2 or not (may_be_sent or 3000 <= code <= 4999):
        raise ProtocolError(CloseCode.PROTOCOL_ERROR, "that is no code to close with")
    return code, read_text(payload[2:])


def read_text(payload: bytes) -> str:
    """A text message's text.

    Raises:
        ProtocolError: It is not UTF-8.
    """
    try:
        return payload.decode()
    except UnicodeDecodeError as exc:
        raise ProtocolError(CloseCode.INVALID_DATA, "text must be UTF-8") from exc


class MessageReader:
    """Puts messages together from what a client sends; holds one message at most."""

    def __init__(self, max_message_bytes: int) -> None:
        self._max_bytes = max_message_bytes
        self._buffer = bytearray()
        self._opcode: Opcode | None = None
        self._parts = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are whole with these bytes.

        Raises:
            ProtocolError: The bytes are no frames that a client may send.
        """
        self._buffer += data
        while (frame := self._next_frame()) is not None:
            is_final, opcode, payload = frame
            if opcode >= Opcode.CLOSE:
                yield Message(opcode, payload)
            elif (message := self._add(opcode, payload, is_final=is_final)) is not None:
                yield message

    def _next_frame(self) -> tuple[bool, Opcode, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        is_final, size = bool(buffer[0] & 0x80), buffer[1] & 0x7F
        opcode = _opcode(buffer[0])
        if not buffer[1] & 0x80:
            raise ProtocolError(CloseCode.PROTOCOL_ERROR, "frames of a client must be masked")
        if opcode >= Opcode.CLOSE and (not is_final or size > _MAX_CONTROL_BYTES):
            raise ProtocolError(CloseCode.PROTOCOL_ERROR, "control frames must be short and whole")
        start = 2
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(buffer) < start:
                return None
            size = int.from_bytes(buffer[2:start], "big")
        if size + len(self._parts) > self._max_bytes:
            text = f"a message may have {self._max_bytes:,} bytes at most"
            raise ProtocolError(CloseCode.TOO_LONG, text)
        end = start + 4 + size
        if len(buffer) < end:
            return None
        payload = _unmask(bytes(buffer[start + 4 : end]), bytes(buffer[start : start + 4]))
        del buffer[:end]
        return is_final, opcode, payload

    def _add(self, opcode: Opcode, payload: bytes, *, is_final: bool) -> Message | None:
        if (opcode is Opcode.CONTINUATION) == (self._opcode is None):
            raise ProtocolError(CloseCode.PROTOCOL_ERROR, "frames of messages come out of order")
        whole_opcode = self._opcode if self._opcode is not None else opcode
        self._parts += payload
        self._opcode = whole_opcode
        if not is_final:
            return None
        message = Message(whole_opcode, bytes(self._parts))
        self._opcode = None
        self._parts.clear()
        return message


def _opcode(first_byte: int) -> Opcode:
    if first_byte & 0x70:
        raise ProtocolError(CloseCode.PROTOCOL_ERROR, "no extension was agreed on")
    try:
        return Opcode(first_byte & 0x0F)
    except ValueError as exc:
        raise ProtocolError(CloseCode.PROTOCOL_ERROR, "there is no such opcode") from exc


def _unmask(payload: bytes, key: bytes) -> bytes:
    size = len(payload)
    mask = (key * (size // 4 + 1))[:size]
    whole = int.from_bytes(payload, "big") ^ int.from_bytes(mask, "big")
    return whole.to_bytes(size, "big")
