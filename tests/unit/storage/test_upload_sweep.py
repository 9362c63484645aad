"""The loop that cleans up after finished uploads."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import cast

from tensorfleet.shared.errors import Unavailable
from tensorfleet.shared.ids import UploadId
from tensorfleet.storage.object_store import ObjectStore
from tensorfleet.storage.store.protocol import ArtifactStore
from tensorfleet.storage.upload import UploadRemains
from tensorfleet.storage.upload_sweep import UploadSweep
from tests.deadlines import eventually


class FlakyObjects:
    """Is away at the first call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Mapping[str, str]]] = []

    async def delete_under(self, prefix: str, multipart_ids: Mapping[str, str]) -> None:
        self.calls.append((prefix, multipart_ids))
        if len(self.calls) == 1:
            raise Unavailable("away")


async def test_cleaning_goes_on_after_the_object_store_was_away() -> None:
    objects = FlakyObjects()
    finished: asyncio.Queue[UploadRemains] = asyncio.Queue()
    sweep = UploadSweep(
        store=cast(ArtifactStore, None),
        objects=cast(ObjectStore, objects),
        clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        finished=finished,
    )
    loop = asyncio.create_task(sweep.clean_finished())
    for name in ("u1", "u2"):
        finished.put_nowait(UploadRemains(id=UploadId(name), multipart_ids={"abc": "id"}))
    await eventually(lambda: len(objects.calls) == 2)
    assert objects.calls[1] == ("uploads/u2/", {"uploads/u2/abc": "id"})
    assert not loop.done()
    loop.cancel()
    with suppress(asyncio.CancelledError):
        await loop
