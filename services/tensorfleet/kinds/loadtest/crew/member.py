"""A generator's process: joins its leader, and runs what it orders.

Run as `python -m tensorfleet.kinds.loadtest.crew.member`; a line of JSON on the standard input
says whom to join.
"""

import asyncio
import os
import signal
import sys
import traceback
from collections.abc import Coroutine
from pathlib import Path

import msgspec
import uvloop

from tensorfleet.kinds.loadtest.crew import messages
from tensorfleet.kinds.loadtest.engine.generator import Generator, Share
from tensorfleet.kinds.loadtest.engine.part import PointPart, SecondPart
from tensorfleet.kinds.loadtest.spec import Spec
from tensorfleet.shared.errors import TensorFleetError

_JOIN_TIMEOUT_SECONDS = 30.0


class Joining(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to join, and as whom."""

    host: str
    port: int
    token: str
    name: str
    folder: str
    """Where files are that the spec names."""


class Member:
    """One generator and its leader."""

    def __init__(
        self, joining: Joining, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._joining = joining
        self._reader = reader
        self._writer = writer
        self._generator: Generator | None = None
        self._point: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Does what the leader says, until it has enough or is gone."""
        self._tell(messages.Join(token=self._joining.token, name=self._joining.name))
        try:
            while (order := await messages.read_from_leader(self._reader)) is not None:
                if isinstance(order, messages.Leave):
                    break
                await self._obey(order)
        finally:
            if self._point is not None:
                self._point.cancel()
                await asyncio.wait({self._point})
            if self._generator is not None:
                await self._generator.close()
            self._writer.close()

    async def _obey(self, order: messages.FromLeader) -> None:
        match order:
            case messages.Ping():
                self._tell(messages.Pong(clock=Generator.clock()))
            case messages.Setup():
                await self._set_up(order)
            case messages.Run() if self._generator is not None:
                running = self._generator.run(order.order, order.start, self._tell_second)
                self._point = asyncio.create_task(self._run(running))
            case messages.Stop() if self._generator is not None:
                self._generator.stop()

    async def _set_up(self, setup: messages.Setup) -> None:
        spec = msgspec.json.decode(setup.spec, type=Spec)
        share = Share(index=setup.index, count=setup.count)
        try:
            self._generator = await Generator.open(spec, Path(self._joining.folder), share)
        except TensorFleetError as exc:
            self._tell(messages.Refused(reason=exc.reason, message=str(exc)))
        else:
            self._tell(messages.Ready())

    async def _run(self, running: Coroutine[None, None, PointPart]) -> None:
        try:
            part = await running
        except TensorFleetError as exc:
            self._tell(messages.Refused(reason=exc.reason, message=str(exc)))
        except Exception as exc:  # noqa: BLE001  the leader must not wait for an end that never comes
            traceback.print_exc()
            message = f"the generator {self._joining.name} failed: {type(exc).__name__}: {exc}"
            self._tell(messages.Refused(reason=TensorFleetError.reason, message=message))
        else:
            self._tell(_done(part))

    def _tell_second(self, part: SecondPart) -> None:
        self._tell(messages.Told(part=part))

    def _tell(self, message: messages.Message) -> None:
        messages.write(self._writer, message)


def _done(part: PointPart) -> messages.Done:
    return messages.Done(
        elapsed=part.end - part.start,
        cpu_share=part.cpu_share,
        notes=part.notes,
        response=part.response.sparse(),
        service=part.service.sparse(),
        lateness=part.lateness.sparse(),
        server=part.server.sparse(),
        steps=[
            messages.StepDone(
                name=step.name,
                answered=step.answered,
                failed=step.failed,
                errors=step.errors,
                service=step.service.sparse(),
            )
            for step in part.steps
        ],
    )


async def _join(joining: Joining) -> None:
    async with asyncio.timeout(_JOIN_TIMEOUT_SECONDS):
        reader, writer = await asyncio.open_connection(joining.host, joining.port)
    await Member(joining, reader, writer).serve()


def main() -> None:
    """Reads whom to join, and serves."""
    # Ctrl-C in a terminal reaches every process of it; the leader decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    joining = msgspec.json.decode(sys.stdin.buffer.readline(), type=Joining)
    sys.path.insert(0, joining.folder)
    uvloop.run(_join(joining))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # a case's own threads do not keep the process


if __name__ == "__main__":
    main()
