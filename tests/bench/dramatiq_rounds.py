"""Measuring Dramatiq, from outside: its workers as processes, its client as another."""

import asyncio
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tests.bench.bench_process import tied_process
from tests.bench.figures import FOLDER
from tests.bench.peer_environment import peer_environment

PEER = Path(__file__).with_name("peers") / "dramatiq_peer.py"
REQUIREMENTS = ("dramatiq[redis]==2.2.1", "redis[hiredis]==8.1.0")
PROCESSES, THREADS = 2, 8
ROUND_TIMEOUT_SECONDS = 300.0


class Measured(msgspec.Struct, frozen=True):
    """One way of getting the results, in one round."""

    tasks_per_second: float
    latencies_ms: list[float]


class Round(msgspec.Struct, frozen=True):
    """What the peer's program prints."""

    backend: Measured
    list: Measured

    @property
    def best(self) -> Measured:
        """The way with the higher rate."""
        return max(self.backend, self.list, key=lambda way: way.tasks_per_second)


@dataclass(frozen=True, kw_only=True)
class Dramatiq:
    """Its programs, and the Redis that it uses."""

    programs: Path
    redis_url: str

    @classmethod
    async def install(cls, redis_url: str) -> "Dramatiq":
        """Makes the environment, if it is not there yet."""
        return cls(programs=await peer_environment("dramatiq", *REQUIREMENTS), redis_url=redis_url)

    async def measure(self, tasks: int, singles: int) -> Round:
        """One round; its workers run during it only."""
        environment = {"PATH": str(self.programs), "PEER_REDIS_URL": self.redis_url}
        workers = (self.programs / "dramatiq", PEER.stem)
        numbers = ("--processes", str(PROCESSES), "--threads", str(THREADS))
        async with tied_process(
            *workers,
            *numbers,
            environment=environment,
            log_path=FOLDER / "peers" / "dramatiq.log",
            folder=PEER.parent,
        ):
            client = await asyncio.create_subprocess_exec(
                *(self.programs / "python", PEER, str(tasks), str(singles)),
                stdout=PIPE,
                env=environment,
            )
            try:
                async with asyncio.timeout(ROUND_TIMEOUT_SECONDS):
                    printed, _ = await client.communicate()
            finally:
                if client.returncode is None:
                    client.kill()
        return msgspec.json.decode(printed, type=Round)
