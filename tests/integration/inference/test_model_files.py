"""The cache of model files, with files that come over real HTTP."""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.inference.model_files import ModelFiles
from tensorfleet.shared.errors import ModelNotServable, TensorFleetError, Unavailable
from tensorfleet.shared.ids import ArtifactId
from tensorfleet.shared.manifest import ManifestFile, artifact_id
from tensorfleet.shared.transfer import FileToFetch, digest_file

MODEL_BYTES = 1000


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder and writes no log."""

    def log_message(self, *args: Any) -> None:
        """Nothing."""


class Origin:
    """Where files come from: a folder behind HTTP, and a count of who asked for URLs."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.signed: list[str] = []
        self._manifests: dict[str, tuple[ManifestFile, ...]] = {}

    def add(self, name: str, *, with_model: bool = True) -> ArtifactId:
        """A new artifact."""
        folder = self.folder / name
        folder.mkdir()
        (folder / "signature.json").write_text(name)
        (folder / ("model.pt2" if with_model else "weights.bin")).write_bytes(
            os.urandom(MODEL_BYTES)
        )
        files = []
        for path in sorted(folder.iterdir()):
            sha256, size = digest_file(path)
            files.append(ManifestFile(path=path.name, size_bytes=size, sha256=sha256))
        artifact = artifact_id(files)
        self._manifests[artifact] = tuple(files)
        folder.rename(self.folder / artifact)
        return artifact

    async def sign_files(self, artifact: ArtifactId) -> list[FileToFetch]:
        """As the registry does."""
        self.signed.append(artifact)
        return [
            FileToFetch(file=file, url=f"{self.url}/{artifact}/{file.path}")
            for file in self._manifests[artifact]
        ]


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    folder = tmp_path / "origin"
    folder.mkdir()
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Origin(folder, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def new_files(origin: Origin, cache: Path, max_bytes: int = 10**9) -> ModelFiles:
    return ModelFiles(cache, max_bytes=max_bytes, sign_files=origin.sign_files)


async def test_files_are_fetched_once(origin: Origin, cache: Path) -> None:
    artifact = origin.add("m")
    files = new_files(origin, cache)
    for _ in range(2):
        async with files.fetched(artifact) as folder:
            assert (folder / "signature.json").read_text() == "m"
            assert len((folder / "model.pt2").read_bytes()) == MODEL_BYTES
    async with new_files(origin, cache).fetched(artifact):
        assert origin.signed == [artifact]


async def test_those_who_come_at_once_share_one_fetch(origin: Origin, cache: Path) -> None:
    artifact = origin.add("m")
    files = new_files(origin, cache)

    async def fetch() -> str:
        async with files.fetched(artifact) as folder:
            return (folder / "signature.json").read_text()

    assert await asyncio.gather(*(fetch() for _ in range(8))) == ["m"] * 8
    assert origin.signed == [artifact]


async def test_least_recently_used_entries_go_when_the_folder_is_full(
    origin: Origin, cache: Path
) -> None:
    old, used, new = (origin.add(name) for name in ("old", "used", "new"))
    files = new_files(origin, cache, max_bytes=2 * MODEL_BYTES + 100)
    for age, artifact in ((30, used), (20, old)):
        async with files.fetched(artifact) as folder:
            os.utime(folder, (time.time() - age, time.time() - age))
    async with files.fetched(used):
        pass
    async with files.fetched(new):
        assert {path.name for path in cache.iterdir()} == {used, new}


async def test_entry_in_use_stays_although_the_folder_is_full(origin: Origin, cache: Path) -> None:
    first, second = origin.add("first"), origin.add("second")
    files = new_files(origin, cache, max_bytes=0)
    async with files.fetched(first), files.fetched(second) as folder:
        assert {path.name for path in cache.iterdir()} == {first, second}
        assert (folder / "model.pt2").exists()
    async with files.fetched(origin.add("third")):
        assert len(list(cache.iterdir())) == 1


async def test_what_an_ended_process_left_is_removed(origin: Origin, cache: Path) -> None:
    artifact = origin.add("m")
    for name, age in ((".fetch-old", 7 * 3600), (".fetch-young", 60)):
        (cache / name).mkdir(parents=True)
        os.utime(cache / name, (time.time() - age, time.time() - age))
    async with new_files(origin, cache).fetched(artifact):
        assert {path.name for path in cache.iterdir()} == {artifact, ".fetch-young"}


async def test_damaged_stored_file_is_refused_and_leaves_nothing(
    origin: Origin, cache: Path
) -> None:
    artifact = origin.add("m")
    (origin.folder / artifact / "model.pt2").write_bytes(b"x" * MODEL_BYTES)
    with pytest.raises(ModelNotServable, match="damaged"):
        async with new_files(origin, cache).fetched(artifact):
            pass
    assert list(cache.iterdir()) == []


async def test_artifact_without_a_model_is_refused_unfetched(origin: Origin, cache: Path) -> None:
    artifact = origin.add("m", with_model=False)
    with pytest.raises(ModelNotServable, match=r"weights\.bin"):
        async with new_files(origin, cache).fetched(artifact):
            pass
    assert not cache.exists()


async def test_manifest_of_another_artifact_is_refused(origin: Origin, cache: Path) -> None:
    artifact, other = origin.add("m"), origin.add("other")

    async def confuse(_: ArtifactId) -> list[FileToFetch]:
        return await origin.sign_files(other)

    files = ModelFiles(cache, max_bytes=10**9, sign_files=confuse)
    with pytest.raises(TensorFleetError, match="another manifest"):
        async with files.fetched(artifact):
            pass


async def test_file_that_cannot_be_had_is_unavailable(origin: Origin, cache: Path) -> None:
    artifact = origin.add("m")
    (origin.folder / artifact / "model.pt2").unlink()
    with pytest.raises(Unavailable, match=r"model\.pt2"):
        async with new_files(origin, cache).fetched(artifact):
            pass
