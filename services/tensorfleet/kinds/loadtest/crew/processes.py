"""The generator processes of one machine."""

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path

import msgspec

from tensorfleet.kinds.loadtest.crew.member import Joining
from tensorfleet.shared.errors import Unavailable

_END_SECONDS = 10.0
_LAST_WORDS_SECONDS = 1.0


class GeneratorProcesses:
    """Started, and ended, together."""

    def __init__(self) -> None:
        self._processes: list[asyncio.subprocess.Process] = []

    async def start(
        self, count: int, host: str, port: int, token: str, machine: str, folder: Path
    ) -> None:
        """Starts so many that join the crew there."""
        for number in range(count):
            joining = Joining(
                host=host,
                port=port,
                token=token,
                name=f"{machine}/{number}",
                folder=str(folder.absolute()),
            )
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tensorfleet.kinds.loadtest.crew.member",
                stdin=asyncio.subprocess.PIPE,
            )
            self._processes.append(process)
            assert process.stdin is not None  # noqa: S101  it is a pipe
            # Not as an argument: every user of the machine can read those.
            process.stdin.write(msgspec.json.encode(joining) + b"\n")
            process.stdin.close()

    async def while_running(self, doing: Coroutine[None, None, None]) -> None:
        """Does something that needs them.

        Raises:
            Unavailable: One of them ended before it was done.
            TensorFleetError: What that raises.
        """
        task = asyncio.create_task(doing)
        ends = [asyncio.create_task(process.wait()) for process in self._processes]
        try:
            await asyncio.wait({task, *ends}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                # What it could say before its end comes first, in time too.
                await asyncio.wait({task}, timeout=_LAST_WORDS_SECONDS)
            if task.done():
                await task
                return
        finally:
            for open_task in (task, *ends):
                open_task.cancel()
            await asyncio.wait({task, *ends})
        status = next((p.returncode for p in self._processes if p.returncode is not None), 0)
        message = f"a generator's process ended with status {status} at its start"
        raise Unavailable(f"{message}; its output says why")

    async def wait(self) -> list[int]:
        """Waits for all of them to end; their exit statuses."""
        return [await process.wait() for process in self._processes]

    async def end(self) -> None:
        """Ends those that have not ended by themselves."""
        try:
            async with asyncio.timeout(_END_SECONDS):
                await self.wait()
        except TimeoutError:
            for process in self._processes:
                if process.returncode is None:
                    process.kill()
            await self.wait()
