"""The bodies of HTTP/1.1 answers, as their bytes come in."""

import re

from tensorfleet.kinds.loadtest.engine.http_head import CHUNKED, UNTIL_CLOSE, BadAnswer

_MAX_LINE_BYTES = 8 * 1024
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}")


class BodyTooLarge(Exception):
    """An answer is larger than the limit."""


class BodyReader:
    """Collects one body."""

    __slots__ = ("_data", "_limit", "_missing", "_pending", "_state", "is_complete", "length")

    def __init__(self, length: int, limit_bytes: int) -> None:
        """A body of `length` bytes, `CHUNKED` or `UNTIL_CLOSE`.

        Raises:
            BodyTooLarge: It says itself that it is.
        """
        if length > limit_bytes:
            raise BodyTooLarge
        self.length = length
        self.is_complete = length == 0
        self._limit = limit_bytes
        self._data = bytearray()
        self._pending = bytearray()
        # Of a chunked body: what is missing of the present chunk with its line end.
        self._missing = 0
        self._state = "size"

    @property
    def data(self) -> bytes:
        """The body so far."""
        return bytes(self._data)

    def feed(self, data: bytes) -> bytes:
        """Takes what has come; returns what comes after the body's end.

        Raises:
            BodyTooLarge: The limit is passed.
            BadAnswer: The chunks are wrong.
        """
        if self.length == CHUNKED:
            return self._feed_chunks(data)
        if self.length == UNTIL_CLOSE:
            self._add(data)
            return b""
        missing = self.length - len(self._data)
        self._data += data[:missing]
        self.is_complete = len(data) >= missing
        return data[missing:]

    def ended(self) -> bool:
        """Whether the body is whole now that the connection has ended."""
        return self.is_complete or self.length == UNTIL_CLOSE

    def _add(self, data: bytes | bytearray) -> None:
        if len(self._data) + len(data) > self._limit:
            raise BodyTooLarge
        self._data += data

    def _feed_chunks(self, data: bytes) -> bytes:
        pending = self._pending
        pending += data
        while not self.is_complete:
            if self._state == "data":
                taken = min(len(pending), self._missing)
                self._add(pending[:taken])
                del pending[:taken]
                self._missing -= taken
                if self._missing:
                    break
                self._state = "end"
            elif self._state == "end":
                if len(pending) < 2:
                    break
                if pending[:2] != b"\r\n":
                    raise BadAnswer("a chunk does not end with a line end")
                del pending[:2]
                self._state = "size"
            else:
                line_end = pending.find(b"\r\n")
                if line_end < 0:
                    if len(pending) > _MAX_LINE_BYTES:
                        raise BadAnswer("a line between chunks does not end")
                    break
                line = bytes(pending[:line_end])
                del pending[: line_end + 2]
                self._read_line(line)
        if self.is_complete:
            rest = bytes(pending)
            pending.clear()
            return rest
        return b""

    def _read_line(self, line: bytes) -> None:
        if self._state == "trailer":
            self.is_complete = line == b""
            return
        digits = line.partition(b";")[0].strip()
        if not _CHUNK_SIZE.fullmatch(digits):
            raise BadAnswer(f"not the size of a chunk: {line[:40]!r}")
        size = int(digits, 16)
        if len(self._data) + size > self._limit:
            raise BodyTooLarge
        self._missing = size
        self._state = "data" if size else "trailer"
