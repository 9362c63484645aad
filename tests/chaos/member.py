"""One process of the cast: started, killed, frozen and started again, by its process id."""

import os
import re
import signal
from collections.abc import Awaitable, Callable

from tensorfleet.local.child_process import ChildProcess

# Of services, MongoDB, SeaweedFS, Valkey.
EVERYDAY = re.compile(r'"level": "info"|"s":"I"|^I\d{4} |^\d+:[MC] .{24} \* ')
LINES_SHOWN = 12
LINE_SHOWN = 2000

Start = Callable[[], Awaitable[ChildProcess]]


class Member:
    """A store, a service or a worker."""

    def __init__(self, name: str, start: Start, tell: Callable[[str], None]) -> None:
        """Starts nothing yet.

        Args:
            name: What the tests call it.
            start: Starts the process; returns once it answers.
            tell: Notes what was done to it.
        """
        self.name = name
        self._start = start
        self._tell = tell
        self._process: ChildProcess | None = None
        self.is_frozen = False

    @property
    def process(self) -> ChildProcess:
        """The last process that was started."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether its process has not ended."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Starts it, if it is not running; returns once it answers."""
        if not self.is_running:
            self._process = await self._start()
            self.is_frozen = False
            self._tell(f"{self.name} answers")

    async def kill(self) -> None:
        """SIGKILL; returns once it is gone."""
        self._signal(signal.SIGKILL)
        await self.process.wait()

    async def terminate(self) -> int:
        """SIGTERM; returns the exit status once it is gone."""
        self._signal(signal.SIGTERM)
        status = await self.process.wait()
        self._tell(f"{self.name} ended with status {status}")
        return status

    def freeze(self) -> None:
        """SIGSTOP: it keeps its connections and says nothing."""
        self._signal(signal.SIGSTOP)
        self.is_frozen = True

    def thaw(self) -> None:
        """SIGCONT: it goes on where it was."""
        self._signal(signal.SIGCONT)
        self.is_frozen = False

    async def heal(self) -> None:
        """Brings it back, whatever was done to it."""
        if self.is_running and self.is_frozen:
            self.thaw()
        await self.start()

    async def end(self) -> None:
        """Ends it for good."""
        if self._process is not None:
            await self._process.stop(grace_seconds=0)

    def troubles(self) -> list[str]:
        """The last lines of its log that do not tell of everyday life."""
        if self._process is None:
            return []
        text = self._process.command.log_path.read_text(errors="replace")
        lines = [line for line in text.splitlines() if not EVERYDAY.search(line)]
        # Tracebacks end with what matters.
        return [line[-LINE_SHOWN:] for line in lines[-LINES_SHOWN:]]

    def _signal(self, number: signal.Signals) -> None:
        assert self.is_running, f"{self.name} does not run"
        self._tell(f"{number.name} to {self.name}")
        os.kill(self.pid, number)
