"""Who bears a worker's name: two machines with the same one would take each other's tasks."""

from datetime import timedelta

from redis.asyncio import Redis

from tensorfleet.orchestrator.worker import Worker
from tensorfleet.shared.errors import WorkerNameTaken
from tensorfleet.shared.redis_connection import redis_errors_translated

# ARGV: instance, lease in ms. Returns 1 when the instance bears the name now.
_CLAIM = """
local bearer = redis.call('GET', KEYS[1])
if bearer and bearer ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_DROP = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class WorkerNames:
    """Leases of names, each as long as a lease of a task.

    Every method raises `Unavailable` when Redis does not answer.
    """

    def __init__(self, redis: Redis, lease: timedelta) -> None:
        self._lease_ms = round(lease.total_seconds() * 1000)
        self._claim = redis.register_script(_CLAIM)
        self._drop = redis.register_script(_DROP)

    async def claim(self, worker: Worker) -> None:
        """Lets the worker bear its name for a lease; again at each sign of life.

        Raises:
            WorkerNameTaken: Another one bears it, and lives.
        """
        with redis_errors_translated():
            is_borne = await self._claim(
                keys=[_key(worker)], args=[worker.instance_id, self._lease_ms]
            )
        if not is_borne:
            raise WorkerNameTaken(
                f"another worker is called {worker.id!r} and is attached; give each worker a name "
                "of its own (TENSORFLEET_WORKER_NAME)"
            )

    async def drop(self, worker: Worker) -> None:
        """Frees the name at the end of its bearer's session."""
        with redis_errors_translated():
            await self._drop(keys=[_key(worker)], args=[worker.instance_id])


def _key(worker: Worker) -> str:
    return f"workers:name:{worker.id}"
