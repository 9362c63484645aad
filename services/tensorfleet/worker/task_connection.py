"""The worker's side of the socket to a task's process."""

import asyncio
import math
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
import structlog

from tensorfleet.orchestrator.v1 import event_pb2
from tensorfleet.shared import task_channel as channel
from tensorfleet.shared.errors import InvalidInput, TensorFleetError

INT64_MAX = 2**63 - 1
# 9999-12-31: the last second that a protobuf timestamp can tell.
MAX_UNIX_SECONDS = 253_402_300_799

log = structlog.get_logger(__name__)

Save = Callable[[channel.SaveCheckpoint | channel.SaveModel], Awaitable[channel.Saved]]
Ask = Callable[[channel.Meet | channel.AskUsage], Awaitable[channel.Message]]
AddEvent = Callable[[event_pb2.Event], Awaitable[None]]


class TaskConnection:
    """Answers one process until it closes the socket."""

    def __init__(self, welcome: channel.Welcome, add_event: AddEvent, save: Save, ask: Ask) -> None:
        self._welcome = welcome
        self._add_event = add_event
        self._save = save
        self._ask = ask
        self._asking: set[asyncio.Task[None]] = set()
        self._writer: asyncio.StreamWriter | None = None
        self._has_heartbeat = False
        self._was_heard = False
        self._is_handling = False
        self.result_json = ""
        """What the process said last of its task's result; empty: nothing."""

    async def serve(self, ours: socket.socket) -> None:
        """Reads messages and answers them; returns at the end of the stream."""
        reader, self._writer = await asyncio.open_connection(sock=ours)
        try:
            while True:
                header = await reader.readexactly(channel.LENGTH_BYTES)
                body = await reader.readexactly(channel.decode_length(header))
                self._was_heard = True
                self._is_handling = True
                await self._handle(channel.decode_from_process(body))
                self._is_handling = False
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        except (ValueError, msgspec.DecodeError) as exc:
            # Something else than the SDK writes to the socket; the process may go on without it.
            log.warning("task's messages are not understood", problem=str(exc))
        finally:
            self._has_heartbeat = False
            # Nobody waits for these answers any more.
            for asking in self._asking:
                asking.cancel()
            await asyncio.gather(*self._asking, return_exceptions=True)
            self._writer.close()
            with suppress(ConnectionError):
                await self._writer.wait_closed()

    def take_silence(self) -> bool:
        """Whether nothing was heard since the last call, of a process that ought to be heard.

        That is one that has told a heartbeat before, and whom we have not kept waiting ourselves.
        """
        was_heard, self._was_heard = self._was_heard, False
        return self._has_heartbeat and not was_heard and not self._is_handling

    async def ask_to_stop(self, reason: str) -> None:
        """Lets the script end by itself, if it listens."""
        await self._write(channel.Stop(reason=reason))

    async def _handle(self, message: channel.FromProcess | None) -> None:
        match message:
            case channel.Hello(protocol=protocol):
                await self._write(self._answer_hello(protocol))
            case channel.Heartbeat():
                self._has_heartbeat = True
            case None:
                log.debug("task's message is of another version")
            case channel.MetricReport():
                event = _new_event(message.time_unix)
                event.metric.values.update(message.values)
                if message.step is not None and 0 <= message.step <= INT64_MAX:
                    event.metric.step = message.step
                await self._add_event(event)
            case channel.ProgressReport():
                event = _new_event(message.time_unix)
                event.progress.completed = message.completed
                event.progress.total = message.total
                event.progress.unit = message.unit
                await self._add_event(event)
            case channel.ResultReport(result_json=result_json):
                if len(result_json) > channel.MAX_RESULT_BYTES:
                    raise ValueError("the task's result is too large")
                self.result_json = result_json
            case channel.SaveCheckpoint() | channel.SaveModel():
                await self._write(await self._answer(message.request, self._save(message)))
            case channel.Meet() | channel.AskUsage():
                # Peers may be long in coming: what else the process says is heard meanwhile.
                self._asking.add(asking := asyncio.create_task(self._answer_later(message)))
                asking.add_done_callback(self._asking.discard)

    def _answer_hello(self, protocol: int) -> channel.Message:
        if protocol == channel.PROTOCOL:
            return self._welcome
        return channel.Refused(
            request=0,
            reason=InvalidInput.reason,
            message=f"the worker speaks protocol {channel.PROTOCOL}, the script's TensorFleet "
            f"{protocol}; install the same version on both",
        )

    async def _answer_later(self, message: channel.Meet | channel.AskUsage) -> None:
        await self._write(await self._answer(message.request, self._ask(message)))

    async def _answer(self, request: int, answering: Awaitable[channel.Message]) -> channel.Message:
        try:
            return await answering
        except TensorFleetError as exc:
            return channel.Refused(request=request, reason=exc.reason, message=str(exc))

    async def _write(self, message: channel.Message) -> None:
        if self._writer is None or self._writer.is_closing():
            return
        with suppress(ConnectionError):
            self._writer.write(channel.encode_frame(message))
            await self._writer.drain()


def _new_event(time_unix: float) -> event_pb2.Event:
    event = event_pb2.Event()
    if math.isfinite(time_unix) and 0 <= time_unix <= MAX_UNIX_SECONDS:
        event.time.FromDatetime(datetime.fromtimestamp(time_unix, UTC))
    else:
        event.time.GetCurrentTime()
    return event
