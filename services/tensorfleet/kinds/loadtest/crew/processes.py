"""The generator processes of one machine."""

import asyncio
import sys
from pathlib import Path

import msgspec

from tensorfleet.kinds.loadtest.crew.member import Joining

_END_SECONDS = 10.0


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
