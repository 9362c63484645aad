"""Models in memory: loaded once, let go in the right order."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tensorfleet.inference.loaded_models import LoadedModels
from tensorfleet.inference.registered_version import RegisteredVersion
from tensorfleet.inference.runtime import Prediction, RunnableModel
from tensorfleet.inference.signature import Signature
from tensorfleet.inference.tensor import Tensor
from tensorfleet.shared.errors import ModelNotServable, Unavailable
from tensorfleet.shared.ids import ArtifactId
from tests.deadlines import eventually

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class FakeModel:
    """Remembers which artifact it is."""

    def __init__(self, artifact_id: str) -> None:
        self.artifact_id = artifact_id

    @property
    def signature(self) -> Signature:
        return Signature(inputs=(), outputs=())


class FakeRuntime:
    """Loads when it is allowed to."""

    def __init__(self) -> None:
        self.loads: list[str] = []
        self.garbage_collections = 0
        self.may_load = asyncio.Event()
        self.may_load.set()
        self.problems: dict[str, Exception] = {}

    async def load(self, folder: Path) -> RunnableModel:
        self.loads.append(folder.name)
        await self.may_load.wait()
        if folder.name in self.problems:
            raise self.problems[folder.name]
        return FakeModel(folder.name)

    async def run(self, model: RunnableModel, inputs: Sequence[Tensor]) -> Prediction:
        raise NotImplementedError

    async def collect_garbage(self) -> None:
        self.garbage_collections += 1


@asynccontextmanager
async def files_of(artifact: ArtifactId) -> AsyncIterator[Path]:
    yield Path(artifact)


def new_models(runtime: FakeRuntime, *, max_count: int = 10, max_bytes: int = 1000) -> LoadedModels:
    return LoadedModels(
        files=files_of,
        runtime=runtime,
        clock=lambda: NOW,
        max_count=max_count,
        max_bytes=max_bytes,
    )


def version(
    model: str, number: int = 1, *, artifact: str = "", size_bytes: int = 1, project: str = "p"
) -> RegisteredVersion:
    return RegisteredVersion(
        project=project,
        model=model,
        version=number,
        artifact_id=ArtifactId(artifact or f"{model}{number}"),
        size_bytes=size_bytes,
        signature_json="{}",
    )


def names(models: LoadedModels) -> list[str]:
    return [loaded.version.model for loaded in models.list_loaded("p")]


async def test_model_is_loaded_once() -> None:
    runtime = FakeRuntime()
    models = new_models(runtime)
    first = await models.get(version("m"))
    assert await models.get(version("m")) is first
    assert (runtime.loads, first.load_time) == (["m1"], NOW)


async def test_callers_at_the_same_time_wait_for_one_load() -> None:
    runtime = FakeRuntime()
    runtime.may_load.clear()
    models = new_models(runtime)
    waiting = [asyncio.create_task(models.get(version("m"))) for _ in range(5)]
    await eventually(lambda: runtime.loads == ["m1"])
    runtime.may_load.set()
    loaded = await asyncio.gather(*waiting)
    assert all(model is loaded[0] for model in loaded)
    assert runtime.loads == ["m1"]


async def test_load_goes_on_when_the_first_caller_gives_up() -> None:
    runtime = FakeRuntime()
    runtime.may_load.clear()
    models = new_models(runtime)
    impatient = asyncio.create_task(models.get(version("m")))
    patient = asyncio.create_task(models.get(version("m")))
    await eventually(lambda: runtime.loads == ["m1"])
    impatient.cancel()
    runtime.may_load.set()
    await patient
    assert runtime.loads == ["m1"]


async def test_least_recently_used_model_goes_first() -> None:
    runtime = FakeRuntime()
    models = new_models(runtime, max_count=2)
    await models.get(version("a"))
    await models.get(version("b"))
    await models.get(version("a"))
    await models.get(version("c"))
    assert names(models) == ["a", "c"]
    assert runtime.garbage_collections == 1


async def test_as_many_models_go_as_the_bytes_ask_for() -> None:
    models = new_models(FakeRuntime(), max_bytes=10)
    for name in ("a", "b", "c"):
        await models.get(version(name, size_bytes=3))
    await models.get(version("d", size_bytes=6))
    assert names(models) == ["c", "d"]


async def test_bounds_hold_while_several_models_are_loaded_at_once() -> None:
    runtime = FakeRuntime()
    models = new_models(runtime, max_count=2)
    await asyncio.gather(*(models.get(version(f"m{n}")) for n in range(6)))
    assert len(runtime.loads) == 6
    assert len(names(models)) == 2


async def test_model_larger_than_the_bound_is_not_tried() -> None:
    runtime = FakeRuntime()
    models = new_models(runtime, max_bytes=10)
    await models.get(version("a"))
    with pytest.raises(ModelNotServable, match="MAX_LOADED_BYTES"):
        await models.get(version("b", size_bytes=11))
    assert runtime.loads == ["a1"]
    assert names(models) == ["a"]


async def test_replaced_artifact_is_loaded_in_place_of_the_old_one() -> None:
    runtime = FakeRuntime()
    models = new_models(runtime)
    await models.get(version("m", artifact="old"))
    loaded = await models.get(version("m", artifact="new"))
    assert loaded.version.artifact_id == "new"
    assert names(models) == ["m"]
    assert runtime.loads == ["old", "new"]


async def test_what_is_no_model_is_not_tried_again() -> None:
    runtime = FakeRuntime()
    runtime.problems["m1"] = ModelNotServable("broken")
    models = new_models(runtime)
    for _ in range(3):
        with pytest.raises(ModelNotServable, match="broken"):
            await models.get(version("m"))
    assert runtime.loads == ["m1"]


async def test_passing_trouble_is_tried_again() -> None:
    runtime = FakeRuntime()
    runtime.problems["m1"] = Unavailable("no memory")
    models = new_models(runtime)
    with pytest.raises(Unavailable):
        await models.get(version("m"))
    runtime.problems.clear()
    await models.get(version("m"))
    assert runtime.loads == ["m1", "m1"]


async def test_unloaded_model_is_gone_and_unloading_is_idempotent() -> None:
    runtime = FakeRuntime()
    models = new_models(runtime)
    await models.get(version("m"))
    for _ in range(2):
        await models.unload("p", "m", 1)
    assert names(models) == []
    assert runtime.garbage_collections == 1


async def test_list_shows_the_own_project_by_name_and_version() -> None:
    models = new_models(FakeRuntime())
    for name, number, project in (("b", 2, "p"), ("b", 10, "p"), ("a", 1, "p"), ("c", 1, "q")):
        await models.get(version(name, number, project=project))
    listed = models.list_loaded("p")
    assert [(m.version.model, m.version.version) for m in listed] == [("a", 1), ("b", 2), ("b", 10)]


async def test_closing_stops_a_load() -> None:
    runtime = FakeRuntime()
    runtime.may_load.clear()
    models = new_models(runtime)
    waiting = asyncio.create_task(models.get(version("m")))
    await eventually(lambda: runtime.loads == ["m1"])
    await models.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
