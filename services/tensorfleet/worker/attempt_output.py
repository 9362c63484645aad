"""What an attempt's process writes, on its way to the report."""

import asyncio
import time
from collections import deque

from tensorfleet.orchestrator.v1 import event_pb2
from tensorfleet.worker.output_gate import OutputAllowance, OutputGate
from tensorfleet.worker.report import AttemptReport

READ_BYTES = 64 * 1024
TAIL_LINES = 50


class AttemptOutput:
    """Passes lines on, as many as the attempt may tell, and keeps the last ones."""

    def __init__(self, report: AttemptReport, limit_bytes: int) -> None:
        self._report = report
        self._allowance = OutputAllowance(limit_bytes, time.monotonic())
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)

    @property
    def tail(self) -> list[str]:
        """The last lines of all streams, oldest first."""
        return list(self._tail)

    async def pass_on(
        self, pipe: asyncio.StreamReader, stream: event_pb2.LogStream.ValueType
    ) -> None:
        """Reads a stream to its end. A slow orchestrator makes the process wait, within bounds."""
        gate = OutputGate(self._allowance)
        while chunk := await pipe.read(READ_BYTES):
            await self._add(stream, gate.feed(chunk, time.monotonic()))
        await self._add(stream, gate.flush())

    async def _add(self, stream: event_pb2.LogStream.ValueType, lines: list[str]) -> None:
        if not lines:
            return
        self._tail.extend(lines)
        for part in _parts(lines):
            event = event_pb2.Event(log=event_pb2.LogLines(stream=stream, lines=part))
            event.time.GetCurrentTime()
            await self._report.add(event)


def _parts(lines: list[str]) -> list[list[str]]:
    """The lines in as many events as keep each of them small."""
    return [lines[start : start + 500] for start in range(0, len(lines), 500)]
