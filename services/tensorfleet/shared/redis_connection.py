"""Redis (or Valkey) connections, with driver errors as TensorFleet's."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from tensorfleet.shared.errors import Unavailable
from tensorfleet.shared.settings import RedisSettings

OPERATION_SECONDS = 5.0
# Whoever needs one more waits for it.
MAX_CONNECTIONS = 50


@asynccontextmanager
async def redis_connected(settings: RedisSettings) -> AsyncIterator[Redis]:
    """A client whose connections live as long as the block; answers are `str`."""
    pool = BlockingConnectionPool.from_url(
        settings.redis_url,
        max_connections=MAX_CONNECTIONS,
        timeout=OPERATION_SECONDS,
        decode_responses=True,
        socket_timeout=OPERATION_SECONDS,
        socket_connect_timeout=OPERATION_SECONDS,
        health_check_interval=15,
        # Once, on a new connection: the old one was reset while nobody used it. uvloop says so with
        # a RuntimeError, which the driver would pass on as it is.
        retry=Retry(
            NoBackoff(),
            1,
            supported_errors=(RedisConnectionError, RuntimeError),  # type: ignore[arg-type]
        ),
    )
    client = Redis.from_pool(pool)
    try:
        yield client
    finally:
        await client.aclose()
        # A connection that was being opened for a task that was cancelled comes back after that.
        await asyncio.sleep(0)
        await pool.disconnect()


@contextmanager
def redis_errors_translated() -> Iterator[None]:
    """Driver errors inside the block come out as `Unavailable`."""
    try:
        yield
    except (RedisError, OSError) as exc:
        raise Unavailable(
            f"Redis did not take the request ({type(exc).__name__}); try again"
        ) from exc


async def ping(redis: Redis) -> None:
    """Returns when Redis answers.

    Raises:
        Unavailable: It does not.
    """
    with redis_errors_translated():
        await redis.ping()
