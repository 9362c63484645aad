"""Whose output is whose, in a pipe that many tasks write to one after another: pure."""

from tensorfleet.worker.host_frames import MARK_NUMBER
from tensorfleet.worker.output_lines import LineSplitter


class MarkedLines:
    """Cuts chunks of bytes into lines, and those at the marks that end each task's output."""

    def __init__(self, token: bytes) -> None:
        self._prefix = b"\0" + token
        self._mark_bytes = len(self._prefix) + MARK_NUMBER.size
        self._splitter = LineSplitter()
        self._uncertain = b""

    def feed(self, chunk: bytes) -> tuple[list[tuple[int, list[str]]], list[str]]:
        """The ended outputs: number and lines of each; and the lines after the last mark."""
        data = self._uncertain + chunk
        ended = []
        lines: list[str] = []
        start = 0
        while (at := data.find(self._prefix, start)) >= 0 and at + self._mark_bytes <= len(data):
            lines += self._splitter.feed(data[start:at])
            lines += self._splitter.flush()
            (number,) = MARK_NUMBER.unpack_from(data, at + len(self._prefix))
            ended.append((number, lines))
            lines = []
            start = at + self._mark_bytes
        end = at if at >= 0 else self._end_before_partial_mark(data, start)
        self._uncertain = data[end:]
        lines += self._splitter.feed(data[start:end])
        return ended, lines

    def flush(self) -> list[str]:
        """What is left when the pipe ended."""
        lines = self._splitter.feed(self._uncertain) + self._splitter.flush()
        self._uncertain = b""
        return lines

    def _end_before_partial_mark(self, data: bytes, start: int) -> int:
        at = data.rfind(b"\0", max(start, len(data) - len(self._prefix)))
        return at if at >= 0 and self._prefix.startswith(data[at:]) else len(data)
