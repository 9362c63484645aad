"""Keeps one part of the fleet running."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import psutil

from tensorfleet.local import fleet_event as events
from tensorfleet.local.errors import ServerNotSupported, ServerStartFailed
from tensorfleet.local.part import Part, RunningPart, Variables
from tensorfleet.local.restart_delay import next_delay_seconds
from tensorfleet.shared.errors import InvalidInput, TensorFleetError

# A part that never answered since the fleet's start: something is wrong that a user must mend.
FIRST_START_TRIES = 3
SHOWN_TAIL_LINES = 5


class Supervisor:
    """Starts a part, and again whenever it ends, with growing waits in between."""

    def __init__(
        self,
        part: Part,
        needs: Sequence["Supervisor"],
        variables: Callable[[], Variables],
        tell: events.Tell,
    ) -> None:
        self.part = part
        self.is_ready = asyncio.Event()
        self.running: RunningPart | None = None
        self._needs = needs
        self._variables = variables
        self._tell = tell
        self._has_answered = False

    async def keep_running(self) -> None:
        """Runs until it is cancelled; `stop` ends the process then.

        Raises:
            ServerNotSupported: The part cannot run on this machine.
            ServerStartFailed: It did not come up at its first start, tried several times.
        """
        delay_seconds = 0.0
        failures = 0
        while True:
            for need in self._needs:
                await need.is_ready.wait()
            begun = time.monotonic()
            self._tell(events.PartStarting(part=self.part.name))
            try:
                how, log_tail = await self._live_once(begun)
            except (ServerNotSupported, InvalidInput):
                raise
            except (TensorFleetError, OSError) as exc:
                failures += 1
                if not self._has_answered and failures >= FIRST_START_TRIES:
                    raise ServerStartFailed(f"{self.part.name} does not start: {exc}") from exc
                how, log_tail = "could not be started", str(exc)
            delay_seconds = next_delay_seconds(delay_seconds, time.monotonic() - begun)
            self._tell(
                events.PartEnded(
                    part=self.part.name,
                    how=how,
                    log_tail=log_tail,
                    restart_seconds=delay_seconds,
                )
            )
            await asyncio.sleep(delay_seconds)

    async def stop(self) -> None:
        """Ends the process politely, if one runs. Only after `keep_running` was cancelled."""
        if self.running is not None:
            await self.running.stop()
            self.running = None

    def kill(self) -> None:
        """Ends the process and everything that it started at once."""
        if self.running is None:
            return
        pid = self.running.process.pid
        with suppress(psutil.Error):
            # A worker's tasks have groups of their own, and children that do not die with them.
            for descendant in psutil.Process(pid).children(recursive=True):
                with suppress(psutil.Error):
                    descendant.kill()
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)

    async def _live_once(self, begun: float) -> tuple[str, str]:
        self.running = await self.part.start(self._variables())
        process = self.running.process
        self._has_answered = True
        self.is_ready.set()
        self._tell(
            events.PartReady(
                part=self.part.name,
                pid=process.pid,
                port=self.part.port,
                seconds=time.monotonic() - begun,
            )
        )
        status = await process.wait()
        self.is_ready.clear()
        # What it may have left would hold its port.
        self.kill()
        self.running = None
        tail = process.log_tail() if status > 0 else ""
        return describe_end(status), "\n".join(tail.splitlines()[-SHOWN_TAIL_LINES:])


def describe_end(status: int) -> str:
    """How a process ended, from its exit status as subprocess gives it; completes "it ..."."""
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
