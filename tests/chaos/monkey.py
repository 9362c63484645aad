"""Breaks one thing after the other, as the dice fall: the same things for the same seed."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from tests.chaos.cast import GATEWAYS, ORCHESTRATORS, STORES, WORKERS, Cast
from tests.chaos.proxy import BOTH, Direction
from tests.chaos.surroundings import LEASE_SECONDS

# The object store holds no state of the queue, and storage is there only once.
STATE_STORES = tuple(name for name in STORES if name != "seaweedfs")
SILENCES = (BOTH, *(frozenset({direction}) for direction in Direction))


class Monkey:
    """Breaks members and links of a proxied cast, and lets each be whole again after a while."""

    def __init__(self, cast: Cast, seed: int) -> None:
        self._cast = cast
        self._dice = random.Random(seed)  # noqa: S311  the same storm for a seed
        self._tricks: tuple[Callable[[], Awaitable[None]], ...] = (
            self._kill,
            self._freeze,
            self._silence,
            self._cut,
            self._empty_redis,
            self._restart,
        )

    async def rage(self, seconds: float) -> None:
        """Plays tricks for this long; the last one may last a little longer."""
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            await self._dice.choice(self._tricks)()
            await self._cast.heal()

    def _member(self) -> str:
        return self._dice.choice((*WORKERS, *ORCHESTRATORS, *GATEWAYS, *STATE_STORES))

    async def _a_while(self) -> None:
        await asyncio.sleep(self._dice.uniform(0.1, LEASE_SECONDS + 2))

    async def _kill(self) -> None:
        await self._cast[self._member()].kill()
        await self._a_while()

    async def _freeze(self) -> None:
        self._cast[self._member()].freeze()
        await self._a_while()

    async def _restart(self) -> None:
        await self._cast[self._dice.choice((*WORKERS, *ORCHESTRATORS, *GATEWAYS))].terminate()

    async def _silence(self) -> None:
        origin = self._dice.choice((*WORKERS, *ORCHESTRATORS))
        directions = self._dice.choice(SILENCES)
        for link in self._cast.links_from(origin):
            link.stall(directions)
        words = " and ".join(sorted(direction.value for direction in directions))
        self._cast.tell(f"nothing goes {words} of {origin}")
        await self._a_while()

    async def _cut(self) -> None:
        origin = self._dice.choice((*WORKERS, *ORCHESTRATORS))
        is_refused = self._dice.random() < 0.5
        for link in self._cast.links_from(origin):
            if is_refused:
                await link.refuse()
            link.cut()
        self._cast.tell(f"{origin} is cut off" + " for a while" * is_refused)
        await self._a_while()

    async def _empty_redis(self) -> None:
        async with self._cast.redis() as redis:
            await redis.flushall()
        self._cast.tell("FLUSHALL")
