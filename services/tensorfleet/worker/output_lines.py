"""A process's output as lines, with bounded memory whatever the process writes: pure."""

MAX_LINE_BYTES = 8_192
CUT_MARK = " … (line cut)"


class LineSplitter:
    """Turns chunks of bytes into lines; a line over the limit is cut and says so."""

    def __init__(self) -> None:
        self._partial = bytearray()
        self._is_cutting = False

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that the chunk completes."""
        lines = []
        *complete, rest = chunk.split(b"\n")
        for piece in complete:
            self._extend(piece)
            lines.append(self._take())
        self._extend(rest)
        return lines

    def flush(self) -> list[str]:
        """The last line, when the output did not end with a line end."""
        return [self._take()] if self._partial else []

    def take_partial(self) -> bytes:
        """What has come of a line that is not complete; it is forgotten here."""
        partial = bytes(self._partial)
        self._partial.clear()
        self._is_cutting = False
        return partial

    def _extend(self, piece: bytes) -> None:
        room = MAX_LINE_BYTES - len(self._partial)
        self._partial += piece[:room]
        self._is_cutting = self._is_cutting or len(piece) > room

    def _take(self) -> str:
        text = self._partial.decode("utf-8", errors="replace").rstrip("\r")
        # A progress bar redraws its line; what stands last is what a terminal would show.
        text = text.rpartition("\r")[2]
        if self._is_cutting:
            text += CUT_MARK
        self._partial.clear()
        self._is_cutting = False
        return text
