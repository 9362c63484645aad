"""How much of a process's output is told: all of it up to a volume, then samples: pure.

A flood is not told line by line: nobody reads it, and keeping it costs the whole fleet. When the
allowance is used up, output is counted instead, and only its last part is held; with the allowance
that comes back over time, or at the end, a line says how many lines are missing and the held part
follows. So the first and the last lines are always there.
"""

from tensorfleet.worker.output_lines import LineSplitter

# What a line costs besides its bytes, in bytes: a flood of empty lines is a flood too.
LINE_COST_BYTES = 64
HELD_BYTES = 64 * 1024
# The allowance comes back in full within this time.
REFILL_SECONDS = 3600.0


class OutputAllowance:
    """How much an attempt may still tell, all its streams together: a token bucket."""

    def __init__(self, limit_bytes: int, now: float) -> None:
        self._limit = limit_bytes
        self._left = float(limit_bytes)
        self._seen_at = now

    def take(self, lines: list[str], now: float) -> bool:
        """Pays for lines; False when nothing is left. Those that use it up are still paid for."""
        if not self.has(1, now):
            return False
        self._left -= sum(len(line) + LINE_COST_BYTES for line in lines)
        return True

    def has(self, amount: int, now: float) -> bool:
        """Whether at least this much is left."""
        back = max(0.0, now - self._seen_at) * self._limit / REFILL_SECONDS
        self._left = min(float(self._limit), self._left + back)
        self._seen_at = now
        return self._left >= amount


class OutputGate:
    """One stream's way from bytes to the lines that are told."""

    def __init__(self, allowance: OutputAllowance) -> None:
        self._allowance = allowance
        self._splitter = LineSplitter()
        self._held: bytearray | None = None
        self._dropped_lines = 0

    def feed(self, chunk: bytes, now: float) -> list[str]:
        """The lines to tell now."""
        if self._held is not None:
            self._hold(chunk)
            if not self._allowance.has(4 * HELD_BYTES, now):
                return []
            lines = self._release()
        else:
            lines = self._splitter.feed(chunk)
        if lines and not self._allowance.take(lines, now):
            self._held = bytearray()
            # Not told now, but they may be the last ones.
            self._hold("".join(f"{line}\n" for line in lines).encode())
            self._hold(self._splitter.take_partial())
            return []
        return lines

    def flush(self) -> list[str]:
        """What is still to tell at the end of the stream, whatever is left of the allowance."""
        lines = self._release() if self._held is not None else []
        return lines + self._splitter.flush()

    def _hold(self, chunk: bytes) -> None:
        assert self._held is not None  # noqa: S101  only called while holding
        self._held += chunk
        excess = len(self._held) - HELD_BYTES
        if excess > 0:
            # Whole lines go, so that what is held begins with one; unless it is a single huge one.
            end = self._held.find(b"\n", excess - 1, -1) + 1 or excess
            self._dropped_lines += self._held.count(b"\n", 0, end)
            del self._held[:end]

    def _release(self) -> list[str]:
        held, self._held = bytes(self._held or b""), None
        lines = self._splitter.feed(held)
        if self._dropped_lines:
            lines.insert(0, f"… {self._dropped_lines:,} lines of output are not kept: too much …")
            self._dropped_lines = 0
        return lines
