"""Redis over a network that breaks, on the event loop that services run on."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

import uvloop

from tensorfleet.shared.redis_connection import ping, redis_connected
from tensorfleet.shared.settings import RedisSettings
from tests.chaos.proxy import proxy_to
from tests.chaos.surroundings import at_port

CONNECTIONS = 5


@dataclass(frozen=True, kw_only=True)
class Settings(RedisSettings):
    """Nothing but Redis."""


async def test_connections_that_were_reset_while_idle_are_replaced(redis_url: str) -> None:
    port = urlsplit(redis_url).port
    assert port is not None

    async def use_after_resets() -> None:
        async with (
            proxy_to(port) as proxy,
            redis_connected(Settings(redis_url=at_port(redis_url, proxy.port))) as redis,
            redis_connected(Settings(redis_url=redis_url)) as direct,
        ):
            for _ in range(3):
                await asyncio.gather(*(ping(redis) for _ in range(CONNECTIONS)))
                proxy.cut()
                # Meanwhile the loop hears of the resets.
                await ping(direct)

    # Its transports answer otherwise than those of asyncio's own loop, once they are closed.
    await asyncio.to_thread(lambda: uvloop.run(use_after_resets()))
