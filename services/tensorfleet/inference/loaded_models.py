"""Models in memory: each loaded once, the least recently used ones let go."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from tensorfleet.inference.registered_version import RegisteredVersion
from tensorfleet.inference.runtime import ModelRuntime, RunnableModel
from tensorfleet.shared.clock import Clock
from tensorfleet.shared.errors import ModelNotServable
from tensorfleet.shared.ids import ArtifactId

MAX_REMEMBERED_FAILURES = 256

log = structlog.get_logger(__name__)

Key = tuple[str, str, int]
FetchedFiles = Callable[[ArtifactId], AbstractAsyncContextManager[Path]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A version in memory."""

    version: RegisteredVersion
    model: RunnableModel
    load_time: datetime


class LoadedModels:
    """The models of this process. A bound on their number and on the size of their files holds."""

    def __init__(
        self,
        *,
        files: FetchedFiles,
        runtime: ModelRuntime,
        clock: Clock,
        max_count: int,
        max_bytes: int,
    ) -> None:
        self._files = files
        self._runtime = runtime
        self._clock = clock
        self._max_count = max_count
        self._max_bytes = max_bytes
        # The least recently used one first.
        self._loaded: OrderedDict[Key, LoadedModel] = OrderedDict()
        self._loading: dict[RegisteredVersion, asyncio.Task[LoadedModel]] = {}
        # An artifact never changes, so one that is no model need not be tried again and again.
        self._failures: OrderedDict[ArtifactId, str] = OrderedDict()
        # Room is made for one model at a time.
        self._room = asyncio.Lock()

    async def get(self, version: RegisteredVersion) -> LoadedModel:
        """The version's model; loads it first when it is not in memory.

        Callers that come while it is loaded wait for the same load, which goes on when they do not
        wait any more.

        Raises:
            ModelNotServable: It cannot be run.
            Unavailable: Its files cannot be fetched now.
        """
        loaded = self._loaded.get(version.key)
        if loaded and loaded.version.artifact_id == version.artifact_id:
            self._loaded.move_to_end(version.key)
            return loaded
        task = self._loading.get(version)
        if task is None:
            task = asyncio.create_task(self._load(version))
            self._loading[version] = task
            task.add_done_callback(lambda done: self._forget_loading(version, done))
        return await asyncio.shield(task)

    def _forget_loading(self, version: RegisteredVersion, task: asyncio.Task[LoadedModel]) -> None:
        del self._loading[version]
        if not task.cancelled() and (error := task.exception()):
            log.warning(
                "model was not loaded",
                model=version.model,
                version=version.version,
                problem=str(error),
            )

    async def _load(self, version: RegisteredVersion) -> LoadedModel:
        if known_problem := self._failures.get(version.artifact_id):
            raise ModelNotServable(known_problem)
        if version.size_bytes > self._max_bytes:
            raise ModelNotServable(
                f"the model's files have {version.size_bytes} bytes, and this service loads "
                f"{self._max_bytes} at most; raise TENSORFLEET_INFERENCE_MAX_LOADED_BYTES"
            )
        async with self._files(version.artifact_id) as folder, self._room:
            if self._make_room(version):
                await self._runtime.collect_garbage()
            try:
                model = await self._runtime.load(folder)
            except ModelNotServable as exc:
                self._remember_failure(version.artifact_id, str(exc))
                raise
        loaded = LoadedModel(version=version, model=model, load_time=self._clock())
        self._loaded[version.key] = loaded
        self._loaded.move_to_end(version.key)
        log.info("model loaded", model=version.model, version=version.version)
        return loaded

    def _make_room(self, version: RegisteredVersion) -> bool:
        """Lets models go until one more fits; whether any had to."""
        before = len(self._loaded)
        # The former artifact of the same version, when there is one.
        self._loaded.pop(version.key, None)
        while self._loaded and (
            len(self._loaded) >= self._max_count
            or self._size_bytes() + version.size_bytes > self._max_bytes
        ):
            _, gone = self._loaded.popitem(last=False)
            log.info("model let go", model=gone.version.model, version=gone.version.version)
        return len(self._loaded) < before

    def _size_bytes(self) -> int:
        return sum(loaded.version.size_bytes for loaded in self._loaded.values())

    def _remember_failure(self, artifact: ArtifactId, problem: str) -> None:
        self._failures[artifact] = problem
        if len(self._failures) > MAX_REMEMBERED_FAILURES:
            self._failures.popitem(last=False)

    async def unload(self, project: str, model: str, version: int) -> None:
        """Lets a version go. Idempotent; a load under way is not stopped."""
        if self._loaded.pop((project, model, version), None):
            await self._runtime.collect_garbage()

    def list_loaded(self, project: str) -> list[LoadedModel]:
        """A project's models in memory, by name and version."""
        return [
            loaded for key, loaded in sorted(self._loaded.items(), key=_by_key) if key[0] == project
        ]

    async def close(self) -> None:
        """Stops loading."""
        tasks = list(self._loading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _by_key(item: tuple[Key, LoadedModel]) -> Key:
    return item[0]
