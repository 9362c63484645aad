"""A service as a process of its own, on ports that it picks itself."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

START_SECONDS = 30.0
STOP_SECONDS = 20.0

# Nobody listens there, so that it refuses at once.
NOWHERE = "127.0.0.1:1"


class ServiceProcess:
    """A running `python -m tensorfleet.<service>`; keeps what it writes to standard error."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lines: list[str] = []
        self.started: dict[str, Any] = {}
        """The fields of the log line that told of its start."""

    async def wait_until_started(self) -> None:
        """Reads the log up to the line that tells of the start."""
        assert self._process.stderr is not None
        async with asyncio.timeout(START_SECONDS):
            while line := (await self._process.stderr.readline()).decode():
                self._lines.append(line)
                if line.startswith("{") and json.loads(line)["event"].endswith(" started"):
                    self.started = json.loads(line)
                    return
        raise AssertionError(f"it ended before it started: {''.join(self._lines)}")

    def tell(self, number: int = signal.SIGTERM) -> None:
        """Sends it a signal."""
        self._process.send_signal(number)

    async def ended(self) -> tuple[int, str]:
        """Waits for the end; exit status, and everything that it wrote."""
        async with asyncio.timeout(STOP_SECONDS):
            _, rest = await self._process.communicate()
        assert self._process.returncode is not None
        return self._process.returncode, "".join(self._lines) + rest.decode()

    async def stop(self) -> tuple[int, str]:
        """SIGTERM, then `ended`."""
        self.tell()
        return await self.ended()


@asynccontextmanager
async def service_process(service: str, **environment: str) -> AsyncIterator[ServiceProcess]:
    """Starts a service with these settings; kills it at the end when it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"tensorfleet.{service}",
        env={"PATH": os.environ["PATH"], **environment},
        stderr=asyncio.subprocess.PIPE,
    )
    running = ServiceProcess(process)
    try:
        await running.wait_until_started()
        yield running
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
