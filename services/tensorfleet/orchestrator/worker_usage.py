"""What workers' machines did lately, in Redis: as much as it takes to look at, and no more."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.asyncio import Redis

from tensorfleet.orchestrator.v1 import worker_pb2
from tensorfleet.shared.ids import WorkerId
from tensorfleet.shared.redis_connection import redis_errors_translated

KEPT_COUNT = 600
KEPT_FOR = timedelta(hours=1)
MAX_TAKEN = 120
MAX_SAMPLE_BYTES = 8 * 1024


class WorkerUsage:
    """The newest samples of each worker. Every method raises `Unavailable` without Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def add(self, worker_id: WorkerId, samples: Sequence[worker_pb2.MachineSample]) -> None:
        """Keeps what a worker told; what is over the bounds is left out."""
        rows = [
            # Connections of this fleet speak text.
            b64encode(sample.SerializeToString()).decode("ascii")
            for sample in samples[-MAX_TAKEN:]
            if sample.ByteSize() <= MAX_SAMPLE_BYTES
        ]
        if not rows:
            return
        key = _key(worker_id)
        with redis_errors_translated():
            async with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.rpush(key, *rows)
                pipeline.ltrim(key, -KEPT_COUNT, -1)
                pipeline.expire(key, KEPT_FOR)
                await pipeline.execute()

    async def after(
        self, worker_id: WorkerId, time: datetime | None, limit: int
    ) -> list[worker_pb2.MachineSample]:
        """Samples with a later time, oldest first; None: from the oldest on."""
        with redis_errors_translated():
            rows: Any = await self._redis.lrange(_key(worker_id), 0, -1)
        samples = map(_from_row, rows)
        later = [s for s in samples if time is None or s.time.ToDatetime(UTC) > time]
        return later[:limit]

    async def newest(
        self, worker_ids: Sequence[WorkerId]
    ) -> dict[WorkerId, worker_pb2.MachineSample]:
        """The last sample of those workers that told any."""
        with redis_errors_translated():
            async with self._redis.pipeline(transaction=False) as pipeline:
                for worker_id in worker_ids:
                    pipeline.lindex(_key(worker_id), -1)
                rows: list[Any] = await pipeline.execute() if worker_ids else []
        pairs = zip(worker_ids, rows, strict=True)
        return {worker_id: _from_row(row) for worker_id, row in pairs if row}


def _key(worker_id: WorkerId) -> str:
    return f"workers:usage:{worker_id}"


def _from_row(row: str) -> worker_pb2.MachineSample:
    return worker_pb2.MachineSample.FromString(b64decode(row))
