"""Takes away what uploads leave in S3: at once after they finished, and when they have expired."""

import asyncio

import structlog

from tensorfleet.shared.clock import Clock
from tensorfleet.shared.errors import Unavailable
from tensorfleet.storage.object_store import ObjectStore
from tensorfleet.storage.store.protocol import ArtifactStore
from tensorfleet.storage.upload import SWEEP_MARGIN, UploadRemains

SWEEP_INTERVAL_SECONDS = 300.0
UPLOADS_PER_QUERY = 100

log = structlog.get_logger(__name__)


class UploadSweep:
    """Background loops of the storage service; every replica may run them at the same time."""

    def __init__(
        self,
        *,
        store: ArtifactStore,
        objects: ObjectStore,
        clock: Clock,
        finished: asyncio.Queue[UploadRemains],
    ) -> None:
        self._store = store
        self._objects = objects
        self._clock = clock
        self._finished = finished

    async def clean_finished(self) -> None:
        """Removes the objects of finished uploads, for ever.

        What it does not get done (the service stops, S3 is away) is left for `sweep_expired`.
        """
        while True:
            remains = await self._finished.get()
            try:
                await self._delete_objects(remains)
            except Unavailable as exc:
                log.warning("finished upload was not cleaned", problem=str(exc))

    async def sweep_expired(self) -> None:
        """Forgets expired uploads, for ever."""
        while True:
            try:
                if count := await self.sweep_once():
                    log.info("expired uploads removed", count=count)
            except Unavailable as exc:
                log.warning("expired uploads were not removed", problem=str(exc))
            await asyncio.sleep(SWEEP_INTERVAL_SECONDS)

    async def sweep_once(self) -> int:
        """Forgets all uploads that have expired by now, objects first; returns how many.

        Raises:
            Unavailable: MongoDB or S3 does not answer.
        """
        count = 0
        while True:
            before = self._clock() - SWEEP_MARGIN
            expired = await self._store.expired_uploads(before, UPLOADS_PER_QUERY)
            for remains in expired:
                await self._delete_objects(remains)
                await self._store.delete_upload(remains.id)
            count += len(expired)
            if len(expired) < UPLOADS_PER_QUERY:
                return count

    async def _delete_objects(self, remains: UploadRemains) -> None:
        await self._objects.delete_under(remains.prefix, remains.multipart_ids_by_key)
